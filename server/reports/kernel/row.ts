import {
  BACKSLASH,
  CLOSE_BRACKET,
  COMMA,
  endOfDigits,
  endOfText,
  findNewline,
  findQuoteOrBackslash,
  MINUS,
  OPEN_BRACKET,
  QUOTE,
  VECTOR_BYTES,
} from './bytes';

/** What an item of a context is like; of delimiters in it `NULL` and `ESCAPED` say nothing. */
export const PLAIN: u8 = 0;
export const DELIMITED: u8 = 1;
export const ESCAPED: u8 = 2;
export const NULL: u8 = 3;

/** `null`, as a word. */
const NULL_WORD: u32 = 0x6c6c756e;
/** Of a batch's id. */
export const UUID_BYTES: usize = 36;
/** More items than an event may have where no limit is configured; rows of more go the long way. */
const MAX_ITEMS: u32 = 256;

/** Where the items of the context are: two addresses each. */
const ITEMS = memory.data(2 * 4 * MAX_ITEMS, 16);
/** One of the four above each. */
const KINDS = memory.data(MAX_ITEMS, 16);

/**
 * Where the parts of the row in hand are: addresses. Texts are without their quotes.
 */
export class Row {
  static start: usize = 0;
  static items: u32 = 0;
  static timestampEnd: usize = 0;
  static typeStart: usize = 0;
  static typeEnd: usize = 0;
  /** Where the context's brackets are. */
  static contextStart: usize = 0;
  static contextEnd: usize = 0;
  /** Where the newline is. */
  static lineEnd: usize = 0;
  static batchStart: usize = 0;
  static sequenceStart: usize = 0;
  static sequenceEnd: usize = 0;
  static receivedStart: usize = 0;
  static receivedEnd: usize = 0;
  static skewEnd: usize = 0;
  /** Of the JSON text, with its quotes; both are the same if there is none. */
  static versionStart: usize = 0;
  static versionEnd: usize = 0;
}

export function itemStart(item: u32): usize {
  return load<u32>(ITEMS + ((item as usize) << 3));
}

export function itemEnd(item: u32): usize {
  return load<u32>(ITEMS + ((item as usize) << 3), 4);
}

export function itemKind(item: u32): u8 {
  return load<u8>(KINDS + (item as usize));
}

/**
 * Finds where the parts of a row are, up to the end of its context, without parsing it.
 *
 * @param end - Where the rows end, behind a newline; quotes and a newline must follow.
 * @param delimiters - Sixteen times the character that makes an item `DELIMITED`.
 * @returns Whether the row is of the form in which this engine writes rows; if not, only `lineEnd` is right.
 */
export function scanRow(start: usize, end: usize, delimiters: v128): bool {
  Row.start = start;
  const isKnown = scanHead(start) && scanContext(delimiters) && Row.contextEnd < end;
  // A text has no newline of its own.
  Row.lineEnd = findNewline(isKnown ? Row.contextEnd : start);
  return isKnown;
}

/** Finds what comes behind the context, of a row that has been scanned; returns the same. */
export function scanTail(): bool {
  const batch = Row.contextEnd + 3;
  const batchEnd = batch + UUID_BYTES;
  if (load<u8>(batch - 2) != COMMA || load<u8>(batch - 1) != QUOTE) return false;
  if (findQuoteOrBackslash(batch) != batchEnd || load<u8>(batchEnd) != QUOTE) return false;
  if (load<u8>(batchEnd + 1) != COMMA) return false;
  Row.batchStart = batch;
  Row.sequenceStart = batchEnd + 2;
  Row.sequenceEnd = endOfDigits(Row.sequenceStart);
  if (load<u8>(Row.sequenceEnd) != COMMA) return false;
  const positionEnd = endOfDigits(Row.sequenceEnd + 1);
  if (load<u8>(positionEnd) != COMMA) return false;
  Row.receivedStart = positionEnd + 1;
  Row.receivedEnd = endOfDigits(Row.receivedStart);
  if (load<u8>(Row.receivedEnd) != COMMA) return false;
  const skew = Row.receivedEnd + 1;
  Row.skewEnd =
    load<u32>(skew) == NULL_WORD ? skew + 4 : endOfDigits(load<u8>(skew) == MINUS ? skew + 1 : skew);
  return scanVersion();
}

function scanVersion(): bool {
  const last = Row.lineEnd - 1;
  const isLast = load<u8>(last) == CLOSE_BRACKET;
  Row.versionStart = Row.skewEnd;
  Row.versionEnd = Row.skewEnd;
  if (Row.skewEnd == last) return isLast;
  if (!isLast || load<u8>(Row.skewEnd) != COMMA) return false;
  Row.versionStart = Row.skewEnd + 1;
  Row.versionEnd = last;
  if (load<u32>(Row.versionStart) == NULL_WORD) return Row.versionStart + 4 == last;
  return load<u8>(Row.versionStart) == QUOTE && endOfText(Row.versionStart + 1) == last - 1;
}

function scanHead(start: usize): bool {
  if (load<u8>(start) != OPEN_BRACKET) return false;
  const timestampEnd = endOfDigits(start + 1);
  if (timestampEnd == start + 1) return false;
  if (load<u8>(timestampEnd) != COMMA || load<u8>(timestampEnd + 1) != QUOTE) return false;
  Row.timestampEnd = timestampEnd;
  Row.typeStart = timestampEnd + 2;
  const typeEnd = findQuoteOrBackslash(timestampEnd + 2);
  Row.typeEnd = typeEnd;
  Row.contextStart = typeEnd + 2;
  return (
    load<u8>(typeEnd) == QUOTE && load<u8>(typeEnd + 1) == COMMA && load<u8>(typeEnd + 2) == OPEN_BRACKET
  );
}

function scanContext(delimiters: v128): bool {
  let at = Row.contextStart + 1;
  if (load<u8>(at) == CLOSE_BRACKET) {
    Row.items = 0;
    Row.contextEnd = at;
    return true;
  }
  for (let items: u32 = 0; items < MAX_ITEMS; items++) {
    if (load<u8>(at) == QUOTE) {
      const start = at + 1;
      let kind = PLAIN;
      let end = findSpecial(start, delimiters);
      while (load<u8>(end) != QUOTE) {
        if (load<u8>(end) == BACKSLASH) {
          kind = ESCAPED;
          end = endOfText(end);
        } else {
          kind = DELIMITED;
          end = findSpecial(end + 1, delimiters);
        }
      }
      store<u32>(ITEMS + ((items as usize) << 3), start as u32);
      store<u32>(ITEMS + ((items as usize) << 3), end as u32, 4);
      store<u8>(KINDS + (items as usize), kind);
      at = end + 1;
    } else if (load<u32>(at) == NULL_WORD) {
      store<u8>(KINDS + (items as usize), NULL);
      at += 4;
    } else return false;
    const next = load<u8>(at);
    if (next == CLOSE_BRACKET) {
      Row.items = items + 1;
      Row.contextEnd = at;
      return true;
    }
    if (next != COMMA) return false;
    at++;
  }
  return false;
}

/** Where the first quote, backslash or delimiter is at or behind a place; there must be one. */
function findSpecial(start: usize, delimiters: v128): usize {
  let at = start;
  let found = specials(at, delimiters);
  while (found == 0) {
    at += VECTOR_BYTES;
    found = specials(at, delimiters);
  }
  return at + (ctz(found) as usize);
}

function specials(at: usize, delimiters: v128): i32 {
  const bytes = v128.load(at);
  const quotes = i8x16.eq(bytes, i8x16.splat(QUOTE));
  const backslashes = i8x16.eq(bytes, i8x16.splat(BACKSLASH));
  return i8x16.bitmask(v128.or(i8x16.eq(bytes, delimiters), v128.or(quotes, backslashes)));
}
