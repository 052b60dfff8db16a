import type { SnapshotSealed, StoreSnapshot } from '../../event-store.ts';
import { SealedFile } from '../sealed/sealed-file.ts';
import { STRAY, parseDay } from '../sealed/sealed-day.ts';
import type { SealedCluster } from '../sealed/sealed-index.ts';
import { BlockTable } from './block-table.ts';
import type { DamageReports } from './damage-reports.ts';
import type { RowFilter } from './row-filter.ts';
import type { PlannedRun } from './sealed-run.ts';

/** What has to be read of the sealed segments of a snapshot. */
export interface ReadPlan {
  readonly blocks: BlockTable;
  /** Those that are merged as they are. */
  readonly runs: readonly PlannedRun[];
  /** Those that are sorted first. */
  readonly sorted: readonly PlannedRun[];
  /** Bytes of all their blocks. */
  readonly bytes: number;
}

const HEX = 16;

/**
 * Looks up which blocks can have what a report gets; opens each segment and closes it.
 *
 * Memory is bounded by some 40 bytes a block.
 *
 * @param maxRuns - How many runs may be read at once: where more have the same time, the smallest are sorted. So are
 *   mixed clusters, of which few rows are wanted.
 */
export async function planRead(
  { sealed, position }: StoreSnapshot,
  filter: RowFilter,
  damage: DamageReports,
  maxRuns: number,
): Promise<ReadPlan> {
  const planner = new Planner(filter);
  for (const { files, times } of sealed) {
    if (!times.some(([from, to]) => filter.overlaps(from, to))) continue;
    const file = await SealedFile.open(files, damage.add);
    if (file === undefined) continue;
    try {
      if ((file.header?.firstPosition ?? 0) > position) continue;
      await planner.add(files, file);
    } finally {
      await file.close();
    }
  }
  return planner.end(maxRuns);
}

class Planner {
  readonly #filter: RowFilter;
  readonly #blocks = new BlockTable();
  readonly #runs: PlannedRun[] = [];

  constructor(filter: RowFilter) {
    this.#filter = filter;
  }

  async add(files: SnapshotSealed['files'], file: SealedFile): Promise<void> {
    const { customer, product, start, end } = this.#filter;
    let run: PlannedRun | undefined;
    for await (const cluster of file.clustersOf({ customer, product, start, end })) {
      const { some, others } = this.#filter.typesIn(cluster.types);
      if (!some || !this.#filter.overlaps(cluster.from, cluster.to)) continue;
      // The days of a product follow one another.
      const goesOn = run !== undefined && isOfDay(cluster) && cluster.from > run.to;
      if (run === undefined || !goesOn) {
        run = this.#newRun(files, file, cluster);
        this.#runs.push(run);
      }
      this.#addBlocks(run, cluster, others);
    }
  }

  /** @param maxRuns - See `planRead`. */
  end(maxRuns: number): ReadPlan {
    const runs = this.#runs.filter(({ firstBlock, blocksEnd }) => firstBlock < blocksEnd);
    const own = runs.filter(({ cluster }) => cluster.customer !== null);
    const surplus = surplusOf(own, maxRuns);
    return {
      blocks: this.#blocks,
      runs: own.filter((run) => !surplus.has(run)),
      sorted: runs.filter((run) => run.cluster.customer === null || surplus.has(run)),
      bytes: runs.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  #newRun(files: SnapshotSealed['files'], { header }: SealedFile, cluster: SealedCluster): PlannedRun {
    const { firstPosition = -Infinity, lastPosition = Infinity } = header ?? {};
    const firstBlock = this.#blocks.count;
    const { from, to } = cluster;
    return {
      files,
      cluster,
      firstPosition,
      lastPosition,
      firstBlock,
      blocksEnd: firstBlock,
      from,
      to,
      bytes: 0,
    };
  }

  #addBlocks(run: PlannedRun, { offset, blocks, to }: SealedCluster, hasOtherTypes: boolean): void {
    let at = offset;
    for (const [number, [bytes, checksum, first]] of blocks.entries()) {
      const last = blocks[number + 1]?.[2] ?? to;
      if (this.#filter.overlaps(first, last)) {
        const info = {
          offset: at,
          bytes,
          checksum: Number.parseInt(checksum, HEX),
          first,
          last,
          hasOtherTypes,
        };
        this.#blocks.add(info);
        run.bytes += bytes;
      }
      at += bytes;
    }
    run.blocksEnd = this.#blocks.count;
    run.to = to;
  }
}

function isOfDay({ customer, day }: SealedCluster): boolean {
  return customer !== null && parseDay(day) !== STRAY;
}

/** The smallest of runs that have the same time as more others than can be read at once. */
function surplusOf(runs: readonly PlannedRun[], maxRuns: number): ReadonlySet<PlannedRun> {
  const surplus = new Set<PlannedRun>();
  let open: PlannedRun[] = [];
  for (const run of runs.toSorted((a, b) => a.from - b.from)) {
    open = [...open.filter(({ to }) => to >= run.from), run];
    if (open.length <= maxRuns) continue;
    const smallest = open.reduce((least, other) => (other.bytes < least.bytes ? other : least));
    surplus.add(smallest);
    open = open.filter((other) => other !== smallest);
  }
  return surplus;
}
