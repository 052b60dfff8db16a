import type { RowChunk } from './row-chunks.ts';
import { orderByTimestamp, orderTies } from './row-order.ts';
import {
  NO_STAGED_TYPE,
  STAGED_BATCH,
  STAGED_BYTES,
  STAGED_HEAD_BYTES,
  STAGED_SEQUENCE,
  STAGED_TAIL_BYTES,
  STAGED_TYPE,
  type StagedCluster,
} from './row-stage.ts';

/** The rows of a cluster, in the order of (timestamp, batch, sequence). */
export interface SortedRows {
  readonly from: number;
  readonly to: number;
  /** Numbers of the types that there are, and how many rows have each; null if one has no number. */
  readonly types: readonly (readonly [type: number, rows: number])[] | null;
  readonly chunks: readonly RowChunk[];
  /** In order: the chunk that each row is in, and its place there. */
  readonly chunkNumbers: Uint32Array;
  readonly places: Uint32Array;
}

/**
 * @param batchIds - What the rows' batches are called.
 * @param typeCounts - A zero for each type that there is; they are zero again afterwards.
 */
export function sortRows(
  { first, rows }: StagedCluster,
  batchIds: readonly string[],
  typeCounts: Uint32Array,
): SortedRows {
  const heads = new RowHeads(rows);
  const chunks: RowChunk[] = [];
  for (let chunk = first; chunk !== undefined; chunk = chunk.next) {
    heads.add(chunk, chunks.length, typeCounts);
    chunks.push(chunk);
  }
  const { timestamps, chunkNumbers, places, batches } = heads;
  const sequenceOf = (row: number): number =>
    chunks[chunkNumbers[row] ?? 0]?.view.getUint32((places[row] ?? 0) + STAGED_SEQUENCE, true) ?? 0;
  const order = orderByTimestamp(timestamps);
  orderTies(order, timestamps, batches, (a, b) => {
    const one = batchIds[batches[a] ?? 0] ?? '';
    const other = batchIds[batches[b] ?? 0] ?? '';
    if (one !== other) return one < other ? -1 : 1;
    return sequenceOf(a) - sequenceOf(b);
  });
  return {
    from: timestamps[order[0] ?? 0] ?? 0,
    to: timestamps[order.at(-1) ?? 0] ?? 0,
    types: heads.takeTypes(typeCounts),
    chunks,
    chunkNumbers: pick(chunkNumbers, order),
    places: pick(places, order),
  };
}

/** What a cluster's rows are ordered by, in the order in which they came. */
class RowHeads {
  readonly timestamps: Float64Array;
  readonly chunkNumbers: Uint32Array;
  readonly places: Uint32Array;
  readonly batches: Uint32Array;
  readonly #types: number[] = [];
  #areCounted = true;
  #count = 0;

  constructor(rows: number) {
    this.timestamps = new Float64Array(rows);
    this.chunkNumbers = new Uint32Array(rows);
    this.places = new Uint32Array(rows);
    this.batches = new Uint32Array(rows);
  }

  add({ view, start, end }: RowChunk, chunkNumber: number, typeCounts: Uint32Array): void {
    const { timestamps, chunkNumbers, places, batches } = this;
    let row = this.#count;
    for (let at = start; at < end; row++) {
      timestamps[row] = view.getFloat64(at, true);
      chunkNumbers[row] = chunkNumber;
      places[row] = at;
      batches[row] = view.getUint32(at + STAGED_BATCH, true);
      const type = view.getUint32(at + STAGED_TYPE, true);
      if (type === NO_STAGED_TYPE) this.#areCounted = false;
      else {
        const before = typeCounts[type] ?? 0;
        if (before === 0) this.#types.push(type);
        typeCounts[type] = before + 1;
      }
      const lineBytes = view.getUint32(at + STAGED_BYTES, true);
      at += STAGED_HEAD_BYTES + lineBytes + view.getUint32(at + STAGED_TAIL_BYTES, true);
    }
    this.#count = row;
  }

  /** The counts of the types that there are, which are zero afterwards. */
  takeTypes(typeCounts: Uint32Array): SortedRows['types'] {
    const types = this.#types.map((type) => [type, typeCounts[type] ?? 0] as const);
    for (const type of this.#types) typeCounts[type] = 0;
    return this.#areCounted ? types : null;
  }
}

function pick(values: Uint32Array, order: Uint32Array): Uint32Array {
  const picked = new Uint32Array(order.length);
  for (let at = 0; at < order.length; at++) picked[at] = values[order[at] ?? 0] ?? 0;
  return picked;
}
