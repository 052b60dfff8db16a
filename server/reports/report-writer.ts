import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Damage } from '../store/event-store.ts';
import { openSnapshot } from '../store/open-snapshot.ts';
import { syncDirectory } from '../sync-directory.ts';
import { FileSink } from './output/file-sink.ts';
import { GzipSink } from './output/gzip-sink.ts';
import type { ReportAdvance, ReportTask, WrittenReport } from './report-task.ts';
import { RowWriter } from './row-writer.ts';
import { loadKernel } from './rows/row-kernel.ts';

const MAX_DAMAGE_REPORTS = 100;
const ADVANCE_MS = 200;

export interface WriteOptions {
  /** Of the built kernel, `rows.wasm`. */
  readonly kernelPath: string;
  /** The built entries of threads that help where there is much, `digest-thread.js` and `log-thread.js`. */
  readonly threads?: { readonly digest: string; readonly log: string };
  /** Told several times a second how far it is. */
  readonly onAdvance?: (advance: ReportAdvance) => void;
}

/** That data which belongs into a report can't be read. */
export class ReportDamagedError extends Error {
  constructor({ path: file, offset, reason }: Damage) {
    super(
      `stored events that belong into the report are damaged (${path.basename(file)} at byte ${offset}: ${reason}): ` +
        'have the operator run "waybill verify", or ask with "output.partial": true for those that can be read',
    );
    this.name = 'ReportDamagedError';
  }
}

/**
 * Writes a report to a temporary file, makes it durable and gives it its name.
 *
 * Rows are written as they are read, so memory does not grow with the store or the result.
 *
 * @throws ReportDamagedError unless the report may be partial.
 */
export async function writeReport(task: ReportTask, options: WriteOptions): Promise<WrittenReport> {
  const temporary = `${task.path}.tmp`;
  const file = await open(temporary, 'w+', 0o600);
  try {
    let written = await writeRows(file, task, undefined, 0, options);
    if (written.neededExtra !== undefined) {
      // Values without a column, of which the first rows had none: now that their number is known, begin again.
      await file.truncate(0);
      written = await writeRows(file, task, written.neededExtra, written.total, options);
    }
    await file.sync();
    await file.close();
    await rename(temporary, task.path);
    await syncDirectory(path.dirname(task.path));
    const { rows, bytes, sha256, damage } = written;
    return { rows, bytes, sha256, damage };
  } catch (error) {
    // The file may be closed already, or gone: the first error is the one to tell.
    await file.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** What an attempt came to. */
interface Attempt extends WrittenReport {
  /** If it took more columns than it had. */
  readonly neededExtra: number | undefined;
  /** Bytes of the store that it read. */
  readonly total: number;
}

/** @param readBefore - Bytes of the store that were read by an attempt before. */
async function writeRows(
  file: FileHandle,
  { snapshot, filter, output, columns, path: finalPath }: ReportTask,
  extra: number | undefined,
  readBefore: number,
  { onAdvance, kernelPath, threads }: WriteOptions,
): Promise<Attempt> {
  const damage: Damage[] = [];
  const onDamage = (found: Damage): void => {
    if (found.isHarmless !== true && !output.partial) throw new ReportDamagedError(found);
    if (damage.length < MAX_DAMAGE_REPORTS) damage.push(found);
  };
  const fileSink = new FileSink(file, threads?.digest);
  const sink = output.compression === null ? fileSink : new GzipSink(fileSink);
  const rows = new RowWriter(loadKernel(kernelPath), { filter, output, columns }, extra, sink);
  try {
    let total = 0;
    let toldMs = performance.now();
    const onProgress = (scanned: number, all: number): void => {
      total = all;
      const nowMs = performance.now();
      if (nowMs - toldMs < ADVANCE_MS) return;
      toldMs = nowMs;
      onAdvance?.({
        kind: 'progress',
        scanned: readBefore + scanned,
        total: readBefore + all,
        rows: rows.rows,
      });
    };
    const reading = {
      onDamage,
      onProgress,
      scratchPath: `${finalPath}.sort.tmp`,
      ...(threads && { logThreadPath: threads.log }),
    };
    await openSnapshot(snapshot).readRows(filter, rows, reading);
    await rows.finish();
    const sunk = await sink.end();
    return { ...sunk, rows: rows.rows, damage, neededExtra: rows.neededExtra, total };
  } finally {
    await rows.close();
    await sink.close();
  }
}
