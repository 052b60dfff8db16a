import type { Limits } from '../../shared/limits.ts';
import type { EventTexts } from './event-texts.ts';
import { fingerprintOfRows } from './fingerprint.ts';

/** Good events whose bytes in the request are those that are stored. */
export interface CanonicalEvents {
  readonly texts: EventTexts;
  /** What `batchFingerprint` says of them. */
  readonly fingerprint: string;
  /** The largest of their timestamps: only the clock can be against them. */
  readonly latest: number;
  /** The lowest timestamp; Infinity of no events. */
  readonly earliest: number;
}

/** The bytes of a text that JSON writes as they are, and that no code may lack: not `"`, `\` or a control character. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== 0x22 && byte !== 0x5c && byte !== 0x7f ? 1 : 0,
);

const CODES = [bytesOf('{"customer":'), bytesOf(',"product":'), bytesOf(',"type":')];
const TIMESTAMP = bytesOf(',"timestamp":');
const CONTEXT = bytesOf(',"context":[');
const VERSION = bytesOf(',"version":');
const NULL = bytesOf('null');

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const CLOSE_EVENT = 0x7d;

/** As many digits can't exceed the safe integers. */
const MAX_DIGITS = 15;

/** Larger bodies are rare, and get rows of their own. */
const sharedRows = new Uint8Array(65_536);

/**
 * Reads events that stand in their request exactly as `parseEvent` would write them, without making a
 * value of any.
 *
 * The bytes have to be those of one small grammar: the known fields in their order, no spaces, no escapes,
 * integers of plain digits. Whatever such bytes are parsed to has the same bytes as its JSON text.
 *
 * @param bytes - Valid UTF-8.
 * @param start - Where the first event begins.
 * @returns The events up to the first byte that continues no list of them; undefined if any is not of this
 *   form, or may be over a limit. Not to be refused then, but to be parsed.
 */
export function readCanonicalEvents(
  bytes: Uint8Array,
  start: number,
  limits: Limits,
): CanonicalEvents | undefined {
  const scan = new EventScan(bytes, start, limits);
  const ends: number[] = [];
  do {
    if (ends.length === limits.maxEvents || !scan.readEvent()) return undefined;
    ends.push(scan.at - start);
  } while (scan.skipComma());
  const texts = { bytes: bytes.subarray(start, scan.at), ends };
  return { texts, fingerprint: fingerprintOfRows(scan.rows()), latest: scan.latest, earliest: scan.earliest };
}

/** Goes over the bytes once, copying what the fingerprint is made of. */
class EventScan {
  /** Behind what was read. */
  at: number;
  /** The largest timestamp so far. */
  latest = 0;
  earliest = Infinity;
  readonly #bytes: Uint8Array;
  readonly #maxCodeBytes: number;
  readonly #maxItems: number;
  readonly #maxBytes: number;
  /** The fingerprint's JSON; always shorter than what it is copied from. */
  readonly #rows: Uint8Array;
  #rowsEnd = 0;

  constructor(bytes: Uint8Array, start: number, limits: Limits) {
    this.at = start;
    this.#bytes = bytes;
    this.#maxCodeBytes = limits.maxCodeLength + 2;
    this.#maxItems = limits.maxContextItems;
    // A text has no more UTF-16 units than UTF-8 bytes; within this no field can be too long either.
    this.#maxBytes = Math.min(limits.maxStringLength, limits.maxEventBytes);
    this.#rows = bytes.length <= sharedRows.length ? sharedRows : new Uint8Array(bytes.length);
    this.#rows[this.#rowsEnd++] = OPEN_LIST;
  }

  /** The rows of the events that were read, which is all of them. */
  rows(): Uint8Array {
    this.#rows[this.#rowsEnd++] = CLOSE_LIST;
    return this.#rows.subarray(0, this.#rowsEnd);
  }

  skipComma(): boolean {
    if (this.#bytes[this.at] !== COMMA) return false;
    this.at++;
    this.#rows[this.#rowsEnd++] = COMMA;
    return true;
  }

  /** In one piece, with its two places in variables: this is where most of a request's time is spent. */
  readEvent(): boolean {
    const bytes = this.#bytes;
    const rows = this.#rows;
    let at = this.at;
    let to = this.#rowsEnd;
    rows[to++] = OPEN_LIST;
    for (const key of CODES) {
      if (!isAt(bytes, at, key)) return false;
      at += key.length;
      const end = copyText(bytes, at, rows, to);
      const length = end - at;
      if (length < 3 || length > this.#maxCodeBytes) return false;
      at = end;
      to += length;
      rows[to++] = COMMA;
    }

    if (!isAt(bytes, at, TIMESTAMP)) return false;
    at += TIMESTAMP.length;
    const firstDigit = at;
    let timestamp = 0;
    for (let byte = bytes[at] ?? 0; byte >= ZERO && byte <= NINE; byte = bytes[++at] ?? 0) {
      timestamp = timestamp * 10 + (byte - ZERO);
      rows[to++] = byte;
    }
    const digits = at - firstDigit;
    if (digits === 0 || digits > MAX_DIGITS || (digits > 1 && bytes[firstDigit] === ZERO)) return false;
    if (timestamp > this.latest) this.latest = timestamp;
    if (timestamp < this.earliest) this.earliest = timestamp;
    rows[to++] = COMMA;

    if (!isAt(bytes, at, CONTEXT)) return false;
    at += CONTEXT.length;
    rows[to++] = OPEN_LIST;
    for (let count = 0; bytes[at] !== CLOSE_LIST; count++) {
      if (count === this.#maxItems) return false;
      if (count > 0) {
        if (bytes[at++] !== COMMA) return false;
        rows[to++] = COMMA;
      }
      const end = copyTextOrNull(bytes, at, rows, to);
      if (end < 0) return false;
      to += end - at;
      at = end;
    }
    at++;
    rows[to++] = CLOSE_LIST;
    rows[to++] = COMMA;

    if (isAt(bytes, at, VERSION)) {
      at += VERSION.length;
      const end = copyTextOrNull(bytes, at, rows, to);
      if (end < 0) return false;
      to += end - at;
      at = end;
    } else {
      rows.set(NULL, to);
      to += NULL.length;
    }
    if (bytes[at++] !== CLOSE_EVENT || at - this.at > this.#maxBytes) return false;
    rows[to++] = CLOSE_LIST;
    this.at = at;
    this.#rowsEnd = to;
    return true;
  }
}

function isAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index++) {
    if (bytes[at + index] !== expected[index]) return false;
  }
  return true;
}

/** Copies a text with its quotes. Returns the place behind it, or -1 if there is none, or one with an escape. */
function copyText(bytes: Uint8Array, start: number, rows: Uint8Array, to: number): number {
  if (bytes[start] !== QUOTE) return -1;
  const shift = start - to;
  rows[to] = QUOTE;
  let at = start + 1;
  let byte = bytes[at] ?? 0;
  while (PLAIN[byte] === 1) {
    rows[at - shift] = byte;
    byte = bytes[++at] ?? 0;
  }
  rows[at - shift] = QUOTE;
  return byte === QUOTE ? at + 1 : -1;
}

function copyTextOrNull(bytes: Uint8Array, start: number, rows: Uint8Array, to: number): number {
  if (bytes[start] === QUOTE) return copyText(bytes, start, rows, to);
  if (!isAt(bytes, start, NULL)) return -1;
  rows.set(NULL, to);
  return start + NULL.length;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}
