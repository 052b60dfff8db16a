const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const LOWER_U = 0x75;
const REPLACEMENT = 0xfffd;
const UNICODE_ESCAPE_BYTES = '\\u0000'.length;

/** What the escapes of one letter stand for, by the letter. */
const ESCAPED = new Uint8Array(128);
for (const [letter, text] of Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' })) {
  ESCAPED[letter.charCodeAt(0)] = text.charCodeAt(0);
}
for (const letter of '"\\/') ESCAPED[letter.charCodeAt(0)] = letter.charCodeAt(0);

/** 1 for what a spreadsheet would take for a formula's beginning (`csvField`), by its code. */
const GUARDED = new Uint8Array(128);
for (const start of "=+-@\t\r\n\0'") GUARDED[start.charCodeAt(0)] = 1;

/** Whether a value that begins with a character is to be guarded. */
export function isGuarded(code: number): boolean {
  return code < 128 && GUARDED[code] === 1;
}

/** Writes texts of JSON as fields of CSV, byte by byte: for the few that need more than to be copied. */
export class CsvText {
  readonly #delimiter: number;
  readonly #guard: boolean;
  #needsQuotes = false;

  /** @param delimiter - An ASCII character, but no `'`. */
  constructor(delimiter: number, guard: boolean) {
    this.#delimiter = delimiter;
    this.#guard = guard;
  }

  /**
   * Writes a text that is not empty; returns where it ends.
   *
   * @param start - Behind the text's opening quote.
   * @param at - Where it is to begin; there must be room for three times as many bytes, and three more.
   */
  write(from: DataView, start: number, end: number, to: DataView, at: number): number {
    this.#needsQuotes = false;
    // A quote may have to stand before it.
    const first = at + 1;
    let toAt = first;
    if (this.#guard && isGuarded(codeAt(from, start))) to.setUint8(toAt++, APOSTROPHE);
    for (let fromAt = start; fromAt < end;) {
      const byte = from.getUint8(fromAt);
      if (byte !== BACKSLASH) {
        to.setUint8(toAt++, byte);
        if (byte === this.#delimiter) this.#needsQuotes = true;
        fromAt++;
      } else if (from.getUint8(fromAt + 1) !== LOWER_U) {
        toAt = this.#put(to, toAt, codeAt(from, fromAt));
        fromAt += 2;
      } else {
        const code = codePointAt(from, fromAt, end);
        toAt = this.#put(to, toAt, isSurrogate(code) ? REPLACEMENT : code);
        fromAt += code > 0xffff ? 2 * UNICODE_ESCAPE_BYTES : UNICODE_ESCAPE_BYTES;
      }
    }
    if (this.#needsQuotes) {
      to.setUint8(at, QUOTE);
      to.setUint8(toAt, QUOTE);
      return toAt + 1;
    }
    for (let index = first; index < toAt; index++) to.setUint8(index - 1, to.getUint8(index));
    return toAt - 1;
  }

  #put(to: DataView, at: number, code: number): number {
    if (code === this.#delimiter || code === NEWLINE || code === RETURN) this.#needsQuotes = true;
    if (code === QUOTE) {
      this.#needsQuotes = true;
      to.setUint8(at, QUOTE);
      to.setUint8(at + 1, QUOTE);
      return at + 2;
    }
    return writeUtf8(to, at, code);
  }
}

/** The character, or half of one, at a place that begins a character or an escape. */
function codeAt(view: DataView, at: number): number {
  const byte = view.getUint8(at);
  if (byte !== BACKSLASH) return byte;
  const letter = view.getUint8(at + 1);
  return letter === LOWER_U ? hexAt(view, at + 2) : (ESCAPED[letter] ?? 0);
}

/** The character of an escape in hex, or of two that are the halves of one. */
function codePointAt(view: DataView, at: number, end: number): number {
  const code = hexAt(view, at + 2);
  const next = at + UNICODE_ESCAPE_BYTES;
  if (code < 0xd800 || code > 0xdbff || next + UNICODE_ESCAPE_BYTES > end) return code;
  if (view.getUint8(next) !== BACKSLASH || view.getUint8(next + 1) !== LOWER_U) return code;
  const low = hexAt(view, next + 2);
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code;
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
}

function hexAt(view: DataView, at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index++) {
    const byte = view.getUint8(index);
    // Digits have the lower half of their byte as their value, letters 9 less than theirs.
    value = value * 16 + (byte & 0xf) + (byte > 0x39 ? 9 : 0);
  }
  return value;
}

function writeUtf8(to: DataView, start: number, code: number): number {
  if (code < 0x80) {
    to.setUint8(start, code);
    return start + 1;
  }
  const bytes = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  let rest = code;
  for (let at = start + bytes - 1; at > start; at--) {
    to.setUint8(at, 0x80 | (rest & 0x3f));
    rest >>= 6;
  }
  const mark = [0xc0, 0xe0, 0xf0][bytes - 2] ?? 0;
  to.setUint8(start, mark | rest);
  return start + bytes;
}
