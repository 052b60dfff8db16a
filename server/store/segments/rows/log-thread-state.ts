/**
 * What a thread that reads log segments and whoever uses their lines have in common, in shared memory.
 *
 * The thread fills a part, counts `READY` up and wakes the other one, which uses parts in their order, and counts
 * `DONE` up and wakes the thread when the buffer of one may be read to again.
 */
export interface LogThreadState {
  /** `READY` and `DONE`. */
  readonly counters: Int32Array<SharedArrayBuffer>;
  /** What the last parts are, as `PART` says. */
  readonly parts: Float64Array<SharedArrayBuffer>;
}

export const READY = 0;
export const DONE = 1;
/** Lines without a checksum that is right, of which the thread says where they are. */
export const MAX_BAD_LINES = 60;
/** In place of a buffer's number: no more of the segment is handed over, since it has ended or the thread can't go on. */
export const NO_BUFFER = -1;

/** What a part has, from its place on. */
export const PART = {
  /** Number of the segment. */
  segment: 0,
  /** Number of the buffer in which the lines are. */
  buffer: 1,
  /** Where they begin in it, and where they end. */
  start: 2,
  length: 3,
  /** Where in the file the first line begins. */
  offset: 4,
  /** How many lines are not right. */
  badCount: 5,
  /** Where those begin in the buffer. */
  badLines: 6,
} as const;

/** More than the thread can be ahead. */
const PARTS = 8;
const PART_NUMBERS = PART.badLines + MAX_BAD_LINES;

export function newLogThreadState(): LogThreadState {
  return {
    counters: new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)),
    parts: new Float64Array(new SharedArrayBuffer(PARTS * PART_NUMBERS * Float64Array.BYTES_PER_ELEMENT)),
  };
}

/** Where a part is. @param number - The first one is 0. */
export function partOf({ parts }: LogThreadState, number: number): Float64Array {
  const at = (number % PARTS) * PART_NUMBERS;
  return parts.subarray(at, at + PART_NUMBERS);
}
