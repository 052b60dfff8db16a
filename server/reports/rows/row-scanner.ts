import { findNewline, findQuoteOrBackslash } from '../../words.ts';

/** How an item of a context is written; `NULL` and `ESCAPED` say nothing of delimiters. */
export const ITEM = { plain: 0, delimited: 1, escaped: 2, null: 3 } as const;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** `null`, as a word. */
const NULL_WORD = 0x6c6c756e;
/** Of a batch's id. */
export const UUID_BYTES = 36;
/** `],"`, and a batch's id. */
const BATCH_TEXT_BYTES = 3 + UUID_BYTES;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;

/** More items than an event may have where no limit is configured; rows of more go the long way. */
const MAX_ITEMS = 256;

/**
 * Finds where the parts of a row are (`RowSink`), without parsing it.
 *
 * Every place is a byte of the bytes that were scanned. Texts are without their quotes.
 */
export class RowScanner {
  /** Where the items of the context are. */
  readonly starts = new Int32Array(MAX_ITEMS);
  readonly ends = new Int32Array(MAX_ITEMS);
  /** One of `ITEM` each. */
  readonly kinds = new Uint8Array(MAX_ITEMS);
  items = 0;
  timestampEnd = 0;
  typeStart = 0;
  typeEnd = 0;
  /** Where the context's brackets are. */
  contextStart = 0;
  contextEnd = 0;
  /** Where the newline is. */
  lineEnd = 0;
  batchStart = 0;
  sequenceStart = 0;
  sequenceEnd = 0;
  receivedStart = 0;
  receivedEnd = 0;
  skewEnd = 0;
  /** Of the JSON text, with its quotes; both are the same if there is none. */
  versionStart = 0;
  versionEnd = 0;
  readonly #delimiters: number;

  /** @param delimiter - An ASCII character that makes an item `ITEM.delimited`. */
  constructor(delimiter: number) {
    this.#delimiters = Math.imul(delimiter, ONES);
  }

  /**
   * Scans the row that begins at a place, up to the end of its context.
   *
   * @param view - Has `WORD_SLACK_BYTES` more behind `end`.
   * @param end - Where the rows end, behind a newline.
   * @returns Whether the row is of the form in which this engine writes rows; if not, only `lineEnd` is right.
   */
  scan(view: DataView, start: number, end: number): boolean {
    const isKnown = this.#scanHead(view, start) && this.#scanContext(view);
    const from = isKnown ? this.contextEnd : start;
    // A text has no newline of its own, so that those of a batch's usual length need not be looked at.
    const batchEnd = from + BATCH_TEXT_BYTES;
    const isUsual = isKnown && batchEnd < end && view.getUint8(batchEnd) === QUOTE;
    this.lineEnd = findNewline(view, isUsual ? batchEnd : from, end);
    return isKnown;
  }

  /** Scans what comes behind the context; to be called after a `scan` that was true. */
  scanTail(view: DataView): boolean {
    const batch = this.contextEnd + 3;
    const batchEnd = batch + UUID_BYTES;
    if (view.getUint8(batch - 2) !== COMMA || view.getUint8(batch - 1) !== QUOTE) return false;
    if (findQuoteOrBackslash(view, batch) !== batchEnd || view.getUint8(batchEnd) !== QUOTE) return false;
    if (view.getUint8(batchEnd + 1) !== COMMA) return false;
    this.batchStart = batch;
    this.sequenceStart = batchEnd + 2;
    this.sequenceEnd = endOfDigits(view, this.sequenceStart);
    if (view.getUint8(this.sequenceEnd) !== COMMA) return false;
    const positionEnd = endOfDigits(view, this.sequenceEnd + 1);
    if (view.getUint8(positionEnd) !== COMMA) return false;
    this.receivedStart = positionEnd + 1;
    this.receivedEnd = endOfDigits(view, this.receivedStart);
    if (view.getUint8(this.receivedEnd) !== COMMA) return false;
    const skew = this.receivedEnd + 1;
    this.skewEnd =
      view.getInt32(skew, true) === NULL_WORD
        ? skew + 4
        : endOfDigits(view, view.getUint8(skew) === MINUS ? skew + 1 : skew);
    const last = this.lineEnd - 1;
    const isLast = view.getUint8(last) === CLOSE_BRACKET;
    this.versionStart = this.skewEnd;
    this.versionEnd = this.skewEnd;
    if (this.skewEnd === last) return isLast;
    if (!isLast || view.getUint8(this.skewEnd) !== COMMA) return false;
    this.versionStart = this.skewEnd + 1;
    this.versionEnd = last;
    if (view.getInt32(this.versionStart, true) === NULL_WORD) return this.versionStart + 4 === last;
    return view.getUint8(this.versionStart) === QUOTE && endOfText(view, this.versionStart + 1) === last - 1;
  }

  #scanHead(view: DataView, start: number): boolean {
    if (view.getUint8(start) !== OPEN_BRACKET) return false;
    const timestampEnd = endOfDigits(view, start + 1);
    if (timestampEnd === start + 1) return false;
    if (view.getUint8(timestampEnd) !== COMMA || view.getUint8(timestampEnd + 1) !== QUOTE) return false;
    this.timestampEnd = timestampEnd;
    this.typeStart = timestampEnd + 2;
    const typeEnd = findQuoteOrBackslash(view, this.typeStart);
    this.typeEnd = typeEnd;
    this.contextStart = typeEnd + 2;
    return (
      view.getUint8(typeEnd) === QUOTE &&
      view.getUint8(typeEnd + 1) === COMMA &&
      view.getUint8(typeEnd + 2) === OPEN_BRACKET
    );
  }

  #scanContext(view: DataView): boolean {
    const { starts, ends, kinds } = this;
    let at = this.contextStart + 1;
    let items = 0;
    if (view.getUint8(at) === CLOSE_BRACKET) {
      this.items = 0;
      this.contextEnd = at;
      return true;
    }
    for (; items < MAX_ITEMS; items++) {
      if (view.getUint8(at) === QUOTE) {
        const start = at + 1;
        let kind: number = ITEM.plain;
        let end = this.#findSpecial(view, start);
        while (view.getUint8(end) !== QUOTE) {
          if (view.getUint8(end) === BACKSLASH) {
            kind = ITEM.escaped;
            end = endOfText(view, end);
          } else {
            kind = ITEM.delimited;
            end = this.#findSpecial(view, end + 1);
          }
        }
        starts[items] = start;
        ends[items] = end;
        kinds[items] = kind;
        at = end + 1;
      } else if (view.getInt32(at, true) === NULL_WORD) {
        kinds[items] = ITEM.null;
        at += 4;
      } else return false;
      const next = view.getUint8(at);
      if (next === CLOSE_BRACKET) {
        this.items = items + 1;
        this.contextEnd = at;
        return true;
      }
      if (next !== COMMA) return false;
      at++;
    }
    return false;
  }

  /** Where the first quote, backslash or delimiter is at or behind a place; there must be one. */
  #findSpecial(view: DataView, start: number): number {
    const delimiterWord = this.#delimiters;
    for (let at = start; ; at += 4) {
      const word = view.getInt32(at, true);
      // A byte that is zero gets its highest bit set, and so may bytes above it, but none below.
      const quotes = word ^ QUOTES;
      const backslashes = word ^ BACKSLASHES;
      const delimiters = word ^ delimiterWord;
      const found =
        (((quotes - ONES) & ~quotes) |
          ((backslashes - ONES) & ~backslashes) |
          ((delimiters - ONES) & ~delimiters)) &
        HIGH_BITS;
      if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3);
    }
  }
}

/** Where the quote is that ends a text; there must be one. */
function endOfText(view: DataView, start: number): number {
  let end = findQuoteOrBackslash(view, start);
  while (view.getUint8(end) === BACKSLASH) end = findQuoteOrBackslash(view, end + 2);
  return end;
}

function endOfDigits(view: DataView, start: number): number {
  let at = start;
  for (let byte = view.getUint8(at); byte >= ZERO && byte <= NINE; byte = view.getUint8(at)) at++;
  return at;
}
