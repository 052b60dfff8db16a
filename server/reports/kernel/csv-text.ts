import { APOSTROPHE, BACKSLASH, NEWLINE, QUOTE, RETURN } from './bytes';

const LOWER_U: u8 = 0x75;
const REPLACEMENT: u32 = 0xfffd;
/** `\u0000` */
const UNICODE_ESCAPE_BYTES: usize = 6;

/** What a spreadsheet would take for a formula's beginning (`csvField`): those of the codes below 64, as bits. */
const GUARDED: u64 =
  (1 << 0x00) |
  (1 << 0x09) |
  (1 << 0x0a) |
  (1 << 0x0d) |
  ((1 as u64) << 0x27) |
  ((1 as u64) << 0x2b) |
  ((1 as u64) << 0x2d) |
  ((1 as u64) << 0x3d);
const AT: u32 = 0x40;

/** Whether a value that begins with a character is to be guarded. */
export function isGuarded(code: u32): bool {
  return code < 64 ? ((GUARDED >> (code as u64)) & 1) != 0 : code == AT;
}

/**
 * Writes a text of JSON that has escapes as a field of CSV; returns where it ends.
 *
 * @param start - Behind the text's opening quote; the text is not empty.
 * @param to - There must be room for three times as many bytes, and three more.
 */
export function writeText(start: usize, end: usize, to: usize, delimiter: u8, guard: bool): usize {
  let needsQuotes = false;
  // A quote may have to stand before it.
  const first = to + 1;
  let toAt = first;
  if (guard && isGuarded(codeAt(start))) store<u8>(toAt++, APOSTROPHE);
  for (let at = start; at < end;) {
    const byte = load<u8>(at);
    if (byte != BACKSLASH) {
      store<u8>(toAt++, byte);
      if (byte == delimiter) needsQuotes = true;
      at++;
      continue;
    }
    const code = codePointAt(at, end);
    at += load<u8>(at, 1) != LOWER_U ? 2 : code > 0xffff ? 2 * UNICODE_ESCAPE_BYTES : UNICODE_ESCAPE_BYTES;
    if (code == (delimiter as u32) || code == NEWLINE || code == RETURN || code == QUOTE) needsQuotes = true;
    if (code == QUOTE) store<u8>(toAt++, QUOTE);
    toAt = writeUtf8(toAt, code >= 0xd800 && code <= 0xdfff ? REPLACEMENT : code);
  }
  if (needsQuotes) {
    store<u8>(to, QUOTE);
    store<u8>(toAt, QUOTE);
    return toAt + 1;
  }
  memory.copy(to, first, toAt - first);
  return toAt - 1;
}

/** The character, or half of one, at a place that begins a character or an escape. */
function codeAt(at: usize): u32 {
  const byte = load<u8>(at);
  if (byte != BACKSLASH) return byte;
  const letter = load<u8>(at, 1);
  switch (letter) {
    case LOWER_U:
      return hexAt(at + 2);
    case 0x62: // b
      return 0x08;
    case 0x66: // f
      return 0x0c;
    case 0x6e: // n
      return NEWLINE;
    case 0x72: // r
      return RETURN;
    case 0x74: // t
      return 0x09;
    default:
      return letter;
  }
}

/** The character of an escape, or of two in hex that are the halves of one. */
function codePointAt(at: usize, end: usize): u32 {
  const code = codeAt(at);
  const next = at + UNICODE_ESCAPE_BYTES;
  if (code < 0xd800 || code > 0xdbff || next + UNICODE_ESCAPE_BYTES > end) return code;
  if (load<u8>(next) != BACKSLASH || load<u8>(next, 1) != LOWER_U) return code;
  const low = hexAt(next + 2);
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code;
}

function hexAt(at: usize): u32 {
  let value: u32 = 0;
  for (let index = at; index < at + 4; index++) {
    const byte = load<u8>(index) as u32;
    // Digits have the lower half of their byte as their value, letters 9 less than theirs.
    value = value * 16 + (byte & 0xf) + (byte > 0x39 ? 9 : 0);
  }
  return value;
}

function writeUtf8(to: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(to, code as u8);
    return to + 1;
  }
  const bytes: usize = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  let rest = code;
  for (let at = to + bytes - 1; at > to; at--) {
    store<u8>(at, (0x80 | (rest & 0x3f)) as u8);
    rest >>= 6;
  }
  store<u8>(to, ((bytes == 2 ? 0xc0 : bytes == 3 ? 0xe0 : 0xf0) | rest) as u8);
  return to + bytes;
}
