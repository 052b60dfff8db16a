import type { Damage } from '../../event-store.ts';
import type { FilePair } from '../batch-record.ts';
import { DamageList } from './damage-list.ts';
import { MergeInput, type RowFilter } from './merge-input.ts';
import { mergeLines, type KeyedLines, type TieOrder } from './merge-lines.ts';
import { RunningTotals } from '../running-totals.ts';
import { itemEnd } from './scan-event.ts';
import { compareClusters, type SealedCluster } from './sealed-index.ts';
import { compareRows, readRow, type SealedRow } from './sealed-row.ts';
import type { SealedSummary } from './sealed-summary.ts';
import { SealedWriter, type ClusterTotals } from './sealed-writer.ts';
import { TypeTally } from './type-tally.ts';
import { viewOf } from '../../../words.ts';

export interface MergeTask {
  /** Sealed segments; of equal rows those of an earlier one come first. */
  readonly inputs: readonly FilePair[];
  /** Files to be made. */
  readonly output: FilePair;
  /** What is kept; all if it is absent. */
  readonly keep?: RowFilter;
}

export interface MergedSegment {
  readonly summary: SealedSummary;
  /** What could not be read and is not in it, the first 1,000; and an index that was not needed. */
  readonly damage: readonly Damage[];
  /** Paths of all files that have any. */
  readonly damaged: readonly string[];
}

/**
 * Makes one sealed segment of several, reading and writing each from first byte to last.
 *
 * Both files are durable when it resolves; their names are the caller's matter. Memory is bounded by
 * a block of each input. A batch without a line of its own is counted only as far as an index does:
 * where one is damaged, `summary.batches` is too low, and the positions are those of the rows.
 *
 * @throws Error if a file can't be read or written, or if one of those to be made exists. What was
 *   written by then is left to the caller.
 */
export async function mergeSealed({ inputs: pairs, output, keep }: MergeTask): Promise<MergedSegment> {
  const damage = new DamageList();
  const inputs: MergeInput[] = [];
  try {
    for (const pair of pairs) {
      const input = await MergeInput.open(pair, damage);
      // It may come back; what is merged without it would stand for it, too.
      if (input === undefined) throw new Error(`${pair.data} is missing`);
      inputs.push(input);
    }
    const writer = await SealedWriter.create(output);
    try {
      return { summary: await merge(inputs, writer, keep), damage: damage.found, damaged: damage.paths };
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  } finally {
    for (const input of inputs) await input.close();
  }
}

async function merge(
  inputs: readonly MergeInput[],
  writer: SealedWriter,
  keep: RowFilter | undefined,
): Promise<SealedSummary> {
  const tally = new TypeTally();
  for (const input of inputs) await input.nextCluster();
  for (;;) {
    const [name, having] = firstClusters(inputs);
    if (name === undefined) break;
    const totals = new RowTotals(tally);
    const rows = having.map((input) => totals.counted(input.rows(keep)));
    await mergeLines(rows, ROW_TIES, (lines) => writer.appendRows(name, lines));
    if (totals.rows > 0) await writer.endCluster(totals);
    for (const input of having) await input.nextCluster();
  }
  const totals = new RunningTotals();
  const batches = inputs.map((input) =>
    input.batches(({ ledger, rejected = [] }) => totals.add(ledger, rejected.length), keep),
  );
  await mergeLines(batches, BATCH_TIES, (lines) => writer.appendBatches(lines));
  const positions = inputs.flatMap((input) => input.positions);
  return writer.finish({
    ...totals.value,
    lines: inputs.reduce((sum, { header }) => sum + (header?.lines ?? 0), 0),
    firstPosition: positions.length === 0 ? 0 : Math.min(...positions),
    lastPosition: Math.max(0, ...positions),
  });
}

/** The first cluster that any input has next, and the inputs that have it. */
function firstClusters(
  inputs: readonly MergeInput[],
): readonly [SealedCluster | undefined, readonly MergeInput[]] {
  let first: SealedCluster | undefined;
  let having: MergeInput[] = [];
  for (const input of inputs) {
    const { cluster } = input;
    if (cluster === undefined) continue;
    const order = first === undefined ? -1 : compareClusters(cluster, first);
    if (order < 0) having = [];
    if (order < 0) first = cluster;
    if (order <= 0) having.push(input);
  }
  return [first, having];
}

const ROW_TIES: TieOrder<SealedRow | undefined> = {
  tieOf: readRow,
  compare: (a, b) => (a === undefined || b === undefined ? 0 : compareRows(a, b)),
};

/** No two batches have one position. */
const BATCH_TIES: TieOrder<undefined> = { tieOf: () => undefined, compare: () => 0 };

/** What is known of a cluster when all its rows went by. */
class RowTotals {
  readonly #tally: TypeTally;
  rows = 0;
  from = Infinity;
  to = -Infinity;

  /** @param tally - Any; what it has counted is forgotten. */
  constructor(tally: TypeTally) {
    tally.clear();
    this.#tally = tally;
  }

  get types(): ClusterTotals['types'] {
    return this.#tally.types;
  }

  /** The same lines, counted on their way. */
  async *counted(
    source: AsyncGenerator<KeyedLines, void, undefined>,
  ): AsyncGenerator<KeyedLines, void, undefined> {
    for await (const lines of source) {
      const { bytes, count, starts, keys } = lines;
      const view = viewOf(bytes);
      this.rows += count;
      this.from = Math.min(this.from, keys[0] ?? Infinity);
      this.to = Math.max(this.to, keys[count - 1] ?? -Infinity);
      for (let line = 0; line < count; line++) {
        // Behind a bracket, the timestamp and a comma.
        const type = (starts[line] ?? 0) + lengthOf(keys[line] ?? 0) + 2;
        this.#tally.add(view, type, itemEnd(view, type) - type);
      }
      yield lines;
    }
  }
}

/** How many characters a timestamp has in JSON. */
function lengthOf(timestamp: number): number {
  // From 2001 to 2286.
  return timestamp >= 1e12 && timestamp < 1e13 ? 13 : String(timestamp).length;
}
