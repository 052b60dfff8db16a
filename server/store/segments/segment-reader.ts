import type { ReportFilter } from '../../../shared/report.ts';
import type { ReadOptions, RowSink, SnapshotReader, StoreSnapshot } from '../event-store.ts';
import { BufferPool } from './rows/buffer-pool.ts';
import { DamageReports } from './rows/damage-reports.ts';
import { LogRows } from './rows/log-rows.ts';
import { LogThreadReader } from './rows/log-thread-reader.ts';
import { mergeRows } from './rows/merge-rows.ts';
import { OpenFiles } from './rows/open-files.ts';
import { READ_LIMITS, type ReadLimits } from './rows/read-limits.ts';
import { planRead } from './rows/read-plan.ts';
import { RowFilter } from './rows/row-filter.ts';
import { RowOutput } from './rows/row-output.ts';
import { RowSorter } from './rows/row-sorter.ts';
import { SealedRun } from './rows/sealed-run.ts';
import { GUARD_BYTES } from './sealed/log-chunks.ts';

/** What comes before is read while the thread starts. */
const THREAD_FROM_SEGMENT = 1;

/** Reads a snapshot's files in any process; needs no lock. */
export class SegmentReader implements SnapshotReader {
  readonly #snapshot: StoreSnapshot;
  readonly #limits: ReadLimits;

  constructor(snapshot: StoreSnapshot, limits: ReadLimits = READ_LIMITS) {
    this.#snapshot = snapshot;
    this.#limits = limits;
  }

  /**
   * What lies in order is merged: the clusters of sealed segments. What does not, or would be too much to merge at
   * once, is sorted first: log segments, mixed clusters, and the smallest of too many clusters of one time.
   */
  async readRows(
    wanted: ReportFilter,
    sink: RowSink,
    { onDamage, scratchPath, onProgress = () => undefined, logThreadPath }: ReadOptions,
  ): Promise<void> {
    const { segments } = this.#snapshot;
    const { maxRuns, readBytes, logChunkBytes } = this.#limits;
    const filter = new RowFilter(wanted, this.#snapshot);
    const damage = new DamageReports(onDamage);
    const plan = await planRead(this.#snapshot, filter, damage, maxRuns);
    const logBytes = segments.reduce((sum, { length }) => sum + length, 0);
    const total = logBytes + plan.bytes;
    let scanned = 0;
    const onRead = (bytes: number): void => {
      scanned += bytes;
      onProgress(scanned, total);
    };
    onProgress(0, total);
    const files = new OpenFiles(maxRuns);
    const sorter = new RowSorter(this.#limits, scratchPath);
    const buffers = new BufferPool(readBytes + GUARD_BYTES);
    const context = { filter, blocks: plan.blocks, files, damage, readBytes, buffers, onRead };
    try {
      for (const run of plan.sorted) await sorter.addRun(new SealedRun(run, context));
      const log = new LogRows(filter, sorter, damage, logChunkBytes, onRead);
      const thread = this.#startThread(logThreadPath);
      try {
        for (const [number, segment] of segments.entries())
          await log.add(segment, number < THREAD_FROM_SEGMENT ? undefined : thread?.read(number));
      } finally {
        await thread?.close();
      }
      const runs = plan.runs.map((run) => new SealedRun(run, context));
      const output = new RowOutput(sink);
      await mergeRows([...runs, ...(await sorter.sources())], (bytes, start, end) =>
        output.add(bytes, start, end),
      );
      await output.end();
    } finally {
      await sorter.close();
      await files.close();
    }
  }

  /** A thread that reads all but the first segment while that one is read here; undefined if it is not worth it. */
  #startThread(modulePath: string | undefined): LogThreadReader | undefined {
    const { logChunkBytes, logThreadBytes } = this.#limits;
    const ahead = this.#snapshot.segments
      .map(({ path, length }, number) => ({ number, path, length }))
      .slice(THREAD_FROM_SEGMENT);
    const bytes = ahead.reduce((sum, { length }) => sum + length, 0);
    if (modulePath === undefined || bytes === 0 || bytes < logThreadBytes) return undefined;
    try {
      return new LogThreadReader(modulePath, ahead, logChunkBytes);
    } catch {
      // The system may have no thread left; the report needs none.
      return undefined;
    }
  }
}
