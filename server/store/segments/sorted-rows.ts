import type { RowChunk } from './row-chunks.ts';
import { orderByTimestamp, orderTies } from './row-order.ts';
import {
  STAGED_BATCH,
  STAGED_BYTES,
  STAGED_HEAD_BYTES,
  STAGED_SEQUENCE,
  STAGED_TYPE,
  type StagedCluster,
} from './row-stage.ts';
import { copyBytes, viewOf, WORD_SLACK_BYTES } from './words.ts';

const PIECE_BYTES = 262_144;

/** The rows of a cluster, in the order of (timestamp, batch, sequence). */
export interface SortedRows {
  readonly from: number;
  readonly to: number;
  /** Numbers of the types that there are, and how many rows have each. */
  readonly types: readonly (readonly [type: number, rows: number])[];
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
  { chunks, rows }: StagedCluster,
  batchIds: readonly string[],
  typeCounts: Uint32Array,
): SortedRows {
  const timestamps = new Float64Array(rows);
  const chunkNumbers = new Uint32Array(rows);
  const places = new Uint32Array(rows);
  const batches = new Uint32Array(rows);
  const found: number[] = [];
  let row = 0;
  for (let number = 0; number < chunks.length; number++) {
    const chunk = chunks[number];
    if (chunk === undefined) break;
    const { view, start, end } = chunk;
    for (let at = start; at < end; row++) {
      timestamps[row] = view.getFloat64(at, true);
      chunkNumbers[row] = number;
      places[row] = at;
      batches[row] = view.getUint32(at + STAGED_BATCH, true);
      const type = view.getUint32(at + STAGED_TYPE, true);
      const before = typeCounts[type] ?? 0;
      if (before === 0) found.push(type);
      typeCounts[type] = before + 1;
      at += STAGED_HEAD_BYTES + view.getUint32(at + STAGED_BYTES, true);
    }
  }
  const types = found.map((type) => [type, typeCounts[type] ?? 0] as const);
  for (const type of found) typeCounts[type] = 0;
  const sequenceOf = (place: number): number =>
    chunks[chunkNumbers[place] ?? 0]?.view.getUint32((places[place] ?? 0) + STAGED_SEQUENCE, true) ?? 0;
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
    types,
    chunks,
    chunkNumbers: order.map((place) => chunkNumbers[place] ?? 0),
    places: order.map((place) => places[place] ?? 0),
  };
}

/** Copies the lines of rows together, a piece at a time. */
export class RowCopier {
  #piece: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #view = viewOf(this.#piece);

  /** The rows' lines, some at a time; each piece is valid until the next one is asked for. */
  *copy({ chunks, chunkNumbers, places }: SortedRows): Generator<Buffer> {
    let at = 0;
    for (let row = 0; row < places.length; row++) {
      const view = chunks[chunkNumbers[row] ?? 0]?.view;
      if (view === undefined) break;
      const place = places[row] ?? 0;
      const bytes = view.getUint32(place + STAGED_BYTES, true);
      if (at + bytes + WORD_SLACK_BYTES > this.#piece.length) {
        if (at > 0) yield this.#piece.subarray(0, at);
        at = 0;
        this.#reserve(bytes + WORD_SLACK_BYTES);
      }
      copyBytes(view, place + STAGED_HEAD_BYTES, this.#view, at, bytes);
      at += bytes;
    }
    if (at > 0) yield this.#piece.subarray(0, at);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#piece.length) return;
    this.#piece = Buffer.allocUnsafeSlow(bytes);
    this.#view = viewOf(this.#piece);
  }
}
