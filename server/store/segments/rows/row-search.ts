import { rowTimestamp } from '../sealed/sealed-row.ts';

const NEWLINE = 0x0a;
/** The first step of a search: about a row. */
const STEP_BYTES = 256;

/** Lines of rows in their order. */
export interface RowLines {
  readonly bytes: Buffer;
  /** Where the first one begins. */
  readonly start: number;
  /** Behind the last one's newline. */
  readonly end: number;
}

/**
 * The place of the first row that is not before something, or the end.
 *
 * It looks at ever farther rows, and then between them: of a span it looks at a few rows, however long it is.
 *
 * @param isBefore - Of the row that begins at a place; true of no row behind one of which it is false.
 */
export function findFirst({ bytes, start, end }: RowLines, isBefore: (at: number) => boolean): number {
  if (start >= end || !isBefore(start)) return start;
  // The row at `low` is before; none at `high` or behind it is.
  let low = start;
  let high = end;
  for (let step = 0; ; step = step === 0 ? STEP_BYTES : step * 2) {
    const next = lineAfter(bytes, low + step, end);
    if (next < end && isBefore(next)) low = next;
    else {
      high = next;
      break;
    }
  }
  // From here on the row at `low` is the first one of which it is not known.
  low = lineAfter(bytes, low, end);
  while (low < high) {
    const middle = lineAfter(bytes, low + ((high - low) >>> 1) - 1, high);
    // Where no row begins in the second half, the first one is looked at.
    const at = middle < high ? middle : low;
    if (isBefore(at)) low = lineAfter(bytes, at, end);
    else high = at;
  }
  return low;
}

/** The place of the first row that is not earlier than a time, or the end. */
export function firstNotEarlier(lines: RowLines, time: number): number {
  return findFirst(lines, (at) => rowTimestamp(lines.bytes, at) < time);
}

/** The place of the first row that is later than a time, or the end. */
export function firstLater(lines: RowLines, time: number): number {
  return findFirst(lines, (at) => rowTimestamp(lines.bytes, at) <= time);
}

/** Where the next line begins behind the one that a place is in. */
export function lineAfter(bytes: Buffer, at: number, end: number): number {
  if (at >= end) return end;
  const newline = bytes.indexOf(NEWLINE, at);
  return newline < 0 || newline >= end ? end : newline + 1;
}
