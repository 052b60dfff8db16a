/** Bytes that must be behind the end of what is read or written here: it is done by words. */
export const WORD_SLACK_BYTES = 8;

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/**
 * Copies bytes of UTF-8 text, and up to 7 more than asked for.
 *
 * The texts of an event are so short that a call of the runtime for each would cost more. The words
 * are the longest that the engine keeps out of the heap; no text has the bytes of a NaN, which an
 * engine may change: they would begin a character, with 0xf0 or above, and not go on with it.
 */
export function copyText(from: DataView, fromAt: number, to: DataView, toAt: number, length: number): void {
  for (let index = 0; index < length; index += 8)
    to.setFloat64(toAt + index, from.getFloat64(fromAt + index, true), true);
}

const MINUS = 0x2d;
const ZERO = 0x30;
const LOW_DIGITS = 7;
const LOW = 10 ** LOW_DIGITS;

/**
 * Writes an integer in decimal; returns where it ends.
 *
 * @param value - Less than 10^16 from zero, in whose two halves the processor can divide.
 */
export function writeInteger(view: DataView, start: number, value: number): number {
  if (value < 0) {
    view.setUint8(start, MINUS);
    return writeInteger(view, start + 1, -value);
  }
  if (value < LOW) return writeDigits(view, start, value, 1);
  const high = Math.floor(value / LOW);
  return writeDigits(view, writeDigits(view, start, high, 1), value - high * LOW, LOW_DIGITS);
}

/** @param value - Below 2^31. */
function writeDigits(view: DataView, start: number, value: number, minDigits: number): number {
  let digits = 1;
  for (let rest = (value / 10) | 0; rest > 0; rest = (rest / 10) | 0) digits++;
  const end = start + Math.max(digits, minDigits);
  let rest = value | 0;
  for (let at = end - 1; at >= start; at--) {
    const next = (rest / 10) | 0;
    view.setUint8(at, ZERO + rest - next * 10);
    rest = next;
  }
  return end;
}

/** Whether two parts of the same length have the same bytes. */
export function areSame(a: DataView, aAt: number, b: DataView, bAt: number, length: number): boolean {
  let index = 0;
  for (; index + 4 <= length; index += 4) {
    if (a.getUint32(aAt + index, true) !== b.getUint32(bAt + index, true)) return false;
  }
  const mask = (1 << (8 * (length - index))) - 1;
  return ((a.getUint32(aAt + index, true) ^ b.getUint32(bAt + index, true)) & mask) === 0;
}

/** A number that texts have in common with equal ones, and with others that begin and end like them. */
export function hashOfEnds(view: DataView, at: number, length: number): number {
  const first = length < 4 ? view.getInt32(at, true) & ((1 << (8 * length)) - 1) : view.getInt32(at, true);
  const last = length < 4 ? 0 : view.getInt32(at + length - 4, true);
  return mix(mix(length, first), last);
}

/** A number that bytes have in common with equal ones, and with few others. */
export function hashOf(view: DataView, at: number, length: number): number {
  let hash = length;
  let index = 0;
  for (; index + 4 <= length; index += 4) hash = mix(hash, view.getInt32(at + index, true));
  hash = mix(hash, view.getInt32(at + index, true) & ((1 << (8 * (length - index))) - 1));
  return hash ^ (hash >>> 15);
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** A fixed text to be looked for, of at least 4 ASCII characters. */
export class Literal {
  readonly length: number;
  readonly #words: Int32Array;
  readonly #last: number;

  constructor(text: string) {
    const view = viewOf(Buffer.from(text, 'latin1'));
    this.length = text.length;
    this.#words = Int32Array.from({ length: text.length >> 2 }, (_, word) => view.getInt32(4 * word, true));
    this.#last = view.getInt32(text.length - 4, true);
  }

  /** Whether it is at a place. */
  isAt(view: DataView, at: number): boolean {
    const words = this.#words;
    for (let word = 0; word < words.length; word++) {
      if (view.getInt32(at + 4 * word, true) !== words[word]) return false;
    }
    return view.getInt32(at + this.length - 4, true) === this.#last;
  }
}

/** Whether no character is more than one byte. */
export function isAscii(view: DataView, start: number, end: number): boolean {
  let bits = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) bits |= view.getInt32(at, true);
  for (; at < end; at++) bits |= view.getUint8(at);
  return (bits & HIGH_BITS) === 0;
}

const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;

/** Where the first quote or backslash is at or behind a place; there must be one. */
export function findQuoteOrBackslash(view: DataView, start: number): number {
  for (let at = start; ; at += 4) {
    const word = view.getInt32(at, true);
    // A byte that is zero gets its highest bit set, and so may bytes above it, but none below.
    const quotes = word ^ QUOTES;
    const backslashes = word ^ BACKSLASHES;
    const found = (((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes)) & HIGH_BITS;
    if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3);
  }
}

const NEWLINES = 0x0a0a0a0a;
const NEWLINE = 0x0a;

/** Where the first newline is at or behind a place; `end` if there is none before it. */
export function findNewline(view: DataView, start: number, end: number): number {
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true) ^ NEWLINES;
    const found = (word - ONES) & ~word & HIGH_BITS;
    if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3);
  }
  while (at < end && view.getUint8(at) !== NEWLINE) at++;
  return at;
}
