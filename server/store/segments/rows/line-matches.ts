import { EVENT_NUMBERS, LineEvents, SEQUENCE } from '../sealed/line-events.ts';
import type { LogChunk } from '../sealed/log-chunks.ts';
import { scanEvent } from '../sealed/scan-event.ts';
import { newHeader, scanHeader, type PlainHeader } from '../sealed/scan-header.ts';

/** Less than there is from the beginning of an event to that of the next one. */
const MIN_EVENT_BYTES = '{"customer":"","product":"","type":"","timestamp":0,"context":[]}'.length;
/** Of `customer`, an event's first key; what follows the end of a text is no letter. */
const FIRST_LETTER = 0x63;
const OPEN_BRACKET = 0x5b;
const BRACES = 0x7b7b7b7b;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
/** What is between two events, and begins the second one: `},{"`. A text can have it only at its end. */
const BETWEEN = new DataView(new Uint8Array([0x7d, 0x2c, 0x7b, 0x22]).buffer).getInt32(0, true);

/** Finds the events of one product in batch lines, and passes over those of others. */
export class LineMatches {
  /** What begins each event of the product: the engine writes these two fields first, and in this order. */
  readonly #needle: Buffer;
  readonly header: PlainHeader = newHeader();
  /** Those that were found. */
  readonly events = new LineEvents();
  #nextAt = 0;

  constructor(needle: Buffer) {
    this.#needle = needle;
  }

  /** Begins with the lines of another chunk. */
  begin({ bytes }: LogChunk, start: number): void {
    this.#nextAt = found(bytes.indexOf(this.#needle, start));
  }

  /** Where the first event of the product may begin that begins at a place or behind it; Infinity if there is none. */
  next({ bytes }: LogChunk, start: number): number {
    // Each place is looked at once.
    if (this.#nextAt < start) this.#nextAt = found(bytes.indexOf(this.#needle, start));
    return this.#nextAt;
  }

  /**
   * Finds the events in a whole line.
   *
   * @param fieldsAt - Where the fields begin that the line's checksum is of.
   * @returns False if the line has more than events, or is of a form that takes a scanner of all of it.
   */
  find(chunk: LogChunk, fieldsAt: number, end: number): boolean {
    const { view } = chunk;
    const { events, header } = this;
    events.count = 0;
    if (!scanHeader(view, fieldsAt, header)) return false;
    let sequence = 0;
    let counted = header.eventsAt;
    for (let at = this.next(chunk, fieldsAt); at < end;) {
      const between = countEvents(view, counted, at);
      if (at < counted || between < 0) return false;
      sequence += between;
      const number = events.count;
      const eventEnd = scanEvent(view, at, events);
      if (eventEnd < 0 || eventEnd > end) return false;
      events.numbers[number * EVENT_NUMBERS + SEQUENCE] = sequence;
      counted = at;
      at = this.next(chunk, eventEnd);
    }
    return countEvents(view, counted, end) >= 0;
  }
}

/**
 * How many events begin behind the one at `start`, up to and including one at `end`; -1 if there may be rejections.
 *
 * Quotes in texts are escaped, so that none has what is between two events together with the key behind it.
 */
function countEvents(view: DataView, start: number, end: number): number {
  let count = 0;
  for (let at = start + MIN_EVENT_BYTES; at <= end;) {
    const word = view.getInt32(at, true) ^ BRACES;
    const bits = (word - ONES) & ~word & HIGH_BITS;
    if (bits === 0) {
      at += 4;
      continue;
    }
    const brace = at + ((31 - Math.clz32(bits & -bits)) >> 3);
    if (brace > end) break;
    const before = view.getInt32(brace - 2, true);
    // The list of rejections begins so, and a text may have it, too.
    if (((before >>> 8) & 0xff) === OPEN_BRACKET) return -1;
    if (before === BETWEEN && view.getUint8(brace + 2) === FIRST_LETTER) {
      count++;
      at = brace + MIN_EVENT_BYTES;
    } else at = brace + 1;
  }
  return count;
}

function found(at: number): number {
  return at < 0 ? Infinity : at;
}
