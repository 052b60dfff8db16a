/** Bytes that may be read and written behind the end of what is asked for: it is done by vectors. */
export const VECTOR_BYTES: usize = 16;

export const QUOTE: u8 = 0x22;
export const COMMA: u8 = 0x2c;
export const MINUS: u8 = 0x2d;
export const ZERO: u8 = 0x30;
export const NINE: u8 = 0x39;
export const OPEN_BRACKET: u8 = 0x5b;
export const BACKSLASH: u8 = 0x5c;
export const CLOSE_BRACKET: u8 = 0x5d;
export const NEWLINE: u8 = 0x0a;
export const RETURN: u8 = 0x0d;
export const APOSTROPHE: u8 = 0x27;

/** Copies bytes, and up to 15 more than asked for; returns where they end. */
export function copy(from: usize, to: usize, length: usize): usize {
  for (let index: usize = 0; index < length; index += VECTOR_BYTES)
    v128.store(to + index, v128.load(from + index));
  return to + length;
}

/** Whether two texts of the same length are the same. */
export function areSame(a: usize, b: usize, length: usize): bool {
  let index: usize = 0;
  for (; index + 8 <= length; index += 8) if (load<u64>(a + index) != load<u64>(b + index)) return false;
  for (; index < length; index++) if (load<u8>(a + index) != load<u8>(b + index)) return false;
  return true;
}

/** A number that bytes have in common with equal ones, and with few others. */
export function hashOf(at: usize, length: usize): u32 {
  // Whatever their length, three words tell nearly all types apart; what is the same is compared.
  const hash =
    length < 8
      ? (load<u64>(at) & (((1 as u64) << (8 * length)) - 1)) * FIRST_FACTOR
      : (load<u64>(at) * FIRST_FACTOR) ^
        (load<u64>(at + (length >> 1) - 4) * MIDDLE_FACTOR) ^
        (load<u64>(at + length - 8) * LAST_FACTOR);
  return ((hash ^ length) >> 32) as u32;
}

/** Odd numbers without a pattern. */
const FIRST_FACTOR: u64 = 0x9e3779b97f4a7c15;
const MIDDLE_FACTOR: u64 = 0xc2b2ae3d27d4eb4f;
const LAST_FACTOR: u64 = 0x165667b19e3779f9;

/** Where the first quote or backslash is at or behind a place; there must be one. */
export function findQuoteOrBackslash(start: usize): usize {
  let at = start;
  let found = quotesOrBackslashes(at);
  while (found == 0) {
    at += VECTOR_BYTES;
    found = quotesOrBackslashes(at);
  }
  return at + (ctz(found) as usize);
}

/** Which of the bytes at a place are quotes or backslashes, as bits. */
function quotesOrBackslashes(at: usize): i32 {
  const bytes = v128.load(at);
  return i8x16.bitmask(v128.or(i8x16.eq(bytes, i8x16.splat(QUOTE)), i8x16.eq(bytes, i8x16.splat(BACKSLASH))));
}

/** Where the first newline is at or behind a place; there must be one. */
export function findNewline(start: usize): usize {
  let at = start;
  let found = newlines(at);
  while (found == 0) {
    at += VECTOR_BYTES;
    found = newlines(at);
  }
  return at + (ctz(found) as usize);
}

function newlines(at: usize): i32 {
  return i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(NEWLINE)));
}

/** Where the quote is that ends a text; there must be one. */
export function endOfText(start: usize): usize {
  let end = findQuoteOrBackslash(start);
  while (load<u8>(end) == BACKSLASH) end = findQuoteOrBackslash(end + 2);
  return end;
}

/** Where the digits that begin at a place end. */
export function endOfDigits(start: usize): usize {
  let at = start;
  let found = otherThanDigits(at);
  while (found == 0) {
    at += VECTOR_BYTES;
    found = otherThanDigits(at);
  }
  return at + (ctz(found) as usize);
}

function otherThanDigits(at: usize): i32 {
  return i8x16.bitmask(i8x16.gt_u(i8x16.sub(v128.load(at), i8x16.splat(ZERO)), i8x16.splat(9)));
}
