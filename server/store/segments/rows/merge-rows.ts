import { rowTimestamp } from '../sealed/sealed-row.ts';
import { findFirst, firstNotEarlier } from './row-search.ts';
import type { RowSource, RowWindow } from './row-source.ts';
import { compareTies, type RowPlace } from './row-ties.ts';

/** Takes lines that follow those before; valid during the call only. @returns What to wait for, if anything. */
export type AddRows = (bytes: Buffer, start: number, end: number) => Promise<void> | undefined;

/**
 * Merges runs of rows into one, by (timestamp, batch, sequence).
 *
 * A run is asked for rows only when they can be the next ones. Where runs do not overlap, whole windows are handed on
 * without a look at their rows; where they do, as many rows as come before the first of the next run.
 */
export async function mergeRows(sources: readonly RowSource[], add: AddRows): Promise<void> {
  // In the order of their first rows.
  const cursors = sources.map((source) => new RowCursor(source)).toSorted(compareCursors);
  for (;;) {
    const cursor = cursors.shift();
    if (cursor === undefined) return;
    if (cursor.isOpen) {
      const wait = cursor.take(cursors[0], add);
      if (wait !== undefined) await wait;
    }
    if (cursor.hasRows || (await cursor.load())) insert(cursors, cursor);
  }
}

function insert(cursors: RowCursor[], cursor: RowCursor): void {
  let low = 0;
  let high = cursors.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = cursors[middle];
    if (other !== undefined && compareCursors(other, cursor) < 0) low = middle + 1;
    else high = middle;
  }
  cursors.splice(low, 0, cursor);
}

/** One that is not open comes before those that begin at its time: only its rows can tell. */
function compareCursors(a: RowCursor, b: RowCursor): number {
  if (a.key !== b.key) return a.key - b.key;
  if (a.place === undefined || b.place === undefined)
    return Number(a.place !== undefined) - Number(b.place !== undefined);
  return compareTies(a.place, b.place);
}

class RowCursor {
  readonly #source: RowSource;
  #window: RowWindow | undefined;
  #at = 0;
  /** The first row's timestamp; before there are rows, one that none is below. */
  key: number;
  /** Where the first row is. */
  place: RowPlace | undefined;

  constructor(source: RowSource) {
    this.#source = source;
    this.key = source.from;
  }

  get isOpen(): boolean {
    return this.#window !== undefined;
  }

  get hasRows(): boolean {
    return this.place !== undefined;
  }

  /** Goes on to the next rows; returns whether there are any. */
  async load(): Promise<boolean> {
    this.#window = await this.#source.next();
    if (this.#window === undefined) return false;
    this.#setPlace(this.#window, this.#window.start);
    return true;
  }

  /** Hands on the first row, and all at hand behind it that come before those of the next cursor. */
  take(next: RowCursor | undefined, add: AddRows): Promise<void> | undefined {
    const window = this.#window;
    if (window === undefined) return undefined;
    const start = this.#at;
    const end = this.#endBefore(window, next);
    this.#setPlace(window, end);
    return add(window.bytes, start, end);
  }

  #endBefore(window: RowWindow, next: RowCursor | undefined): number {
    if (next === undefined || window.last < next.key) return window.end;
    const { bytes, view, end } = window;
    const { key, place } = next;
    const lines = { bytes, start: this.#at, end };
    if (place === undefined) return firstNotEarlier(lines, key);
    return findFirst(lines, (at) => {
      // The first one is the first of all, even if it equals the next one's.
      if (at === this.#at) return true;
      const timestamp = rowTimestamp(bytes, at);
      if (timestamp !== key) return timestamp < key;
      return compareTies({ bytes, view, start: at }, place) < 0;
    });
  }

  #setPlace({ bytes, view, end }: RowWindow, at: number): void {
    this.#at = at;
    if (at === end) {
      this.place = undefined;
      return;
    }
    this.key = rowTimestamp(bytes, at);
    this.place = { bytes, view, start: at };
  }
}
