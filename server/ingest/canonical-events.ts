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
}

/** The bytes of a text that JSON writes as they are, and that no code may lack: not `"`, `\` or a control character. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== 0x22 && byte !== 0x5c && byte !== 0x7f ? 1 : 0,
);

const CUSTOMER = bytesOf('{"customer":"');
const PRODUCT = bytesOf(',"product":"');
const TYPE = bytesOf(',"type":"');
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
  return new EventScanner(bytes, start).read(limits);
}

/** Goes over the bytes once, copying what the fingerprint is made of. */
class EventScanner {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  #at: number;
  /** The fingerprint's JSON; always shorter than what it is copied from. */
  readonly #rows: Uint8Array;
  #rowsEnd = 0;
  #latest = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#rows = bytes.length <= sharedRows.length ? sharedRows : new Uint8Array(bytes.length);
  }

  read({
    maxEvents,
    maxStringLength,
    maxCodeLength,
    maxContextItems,
    maxEventBytes,
  }: Limits): CanonicalEvents | undefined {
    // A text has no more UTF-16 units than UTF-8 bytes; within this no field can be too long either.
    const maxBytes = Math.min(maxStringLength, maxEventBytes);
    const ends: number[] = [];
    this.#put(OPEN_LIST);
    for (;;) {
      const eventStart = this.#at;
      if (ends.length === maxEvents || !this.#event(maxCodeLength, maxContextItems)) return undefined;
      if (this.#at - eventStart > maxBytes) return undefined;
      ends.push(this.#at - this.#start);
      if (this.#bytes[this.#at] !== COMMA) break;
      this.#at++;
      this.#put(COMMA);
    }
    this.#put(CLOSE_LIST);
    return {
      texts: { bytes: this.#bytes.subarray(this.#start, this.#at), ends },
      fingerprint: fingerprintOfRows(this.#rows.subarray(0, this.#rowsEnd)),
      latest: this.#latest,
    };
  }

  #event(maxCodeLength: number, maxContextItems: number): boolean {
    this.#put(OPEN_LIST);
    const isGood =
      this.#code(CUSTOMER, maxCodeLength) &&
      this.#code(PRODUCT, maxCodeLength) &&
      this.#code(TYPE, maxCodeLength) &&
      this.#timestamp() &&
      this.#context(maxContextItems) &&
      this.#version() &&
      this.#skip(CLOSE_EVENT);
    this.#put(CLOSE_LIST);
    return isGood;
  }

  #code(key: Uint8Array, maxLength: number): boolean {
    if (!this.#skipAll(key)) return false;
    const start = this.#at;
    if (!this.#text()) return false;
    this.#put(COMMA);
    const length = this.#at - 1 - start;
    return length > 0 && length <= maxLength;
  }

  #timestamp(): boolean {
    if (!this.#skipAll(TIMESTAMP)) return false;
    const start = this.#at;
    let value = 0;
    for (;;) {
      const byte = this.#bytes[this.#at] ?? 0;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + (byte - ZERO);
      this.#put(byte);
      this.#at++;
    }
    this.#put(COMMA);
    const digits = this.#at - start;
    if (value > this.#latest) this.#latest = value;
    return digits > 0 && digits <= MAX_DIGITS && (this.#bytes[start] !== ZERO || digits === 1);
  }

  #context(maxItems: number): boolean {
    if (!this.#skipAll(CONTEXT)) return false;
    this.#put(OPEN_LIST);
    for (let count = 0; this.#bytes[this.#at] !== CLOSE_LIST; count++) {
      if (count === maxItems) return false;
      if (count > 0) {
        if (!this.#skip(COMMA)) return false;
        this.#put(COMMA);
      }
      if (!this.#textOrNull()) return false;
    }
    this.#at++;
    this.#put(CLOSE_LIST);
    this.#put(COMMA);
    return true;
  }

  #version(): boolean {
    if (this.#bytes[this.#at] === COMMA) return this.#skipAll(VERSION) && this.#textOrNull();
    this.#putNull();
    return true;
  }

  #textOrNull(): boolean {
    if (this.#skip(QUOTE)) return this.#text();
    this.#putNull();
    return this.#skipAll(NULL);
  }

  /** A text up to its closing quote; the opening one is behind us. */
  #text(): boolean {
    const bytes = this.#bytes;
    const rows = this.#rows;
    let at = this.#at;
    let end = this.#rowsEnd;
    rows[end++] = QUOTE;
    let byte = bytes[at++] ?? 0;
    while (PLAIN[byte] === 1) {
      rows[end++] = byte;
      byte = bytes[at++] ?? 0;
    }
    rows[end++] = QUOTE;
    this.#at = at;
    this.#rowsEnd = end;
    return byte === QUOTE;
  }

  #skipAll(expected: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    for (let index = 0; index < expected.length; index++) {
      if (bytes[at + index] !== expected[index]) return false;
    }
    this.#at = at + expected.length;
    return true;
  }

  #skip(expected: number): boolean {
    if (this.#bytes[this.#at] !== expected) return false;
    this.#at++;
    return true;
  }

  #put(byte: number): void {
    this.#rows[this.#rowsEnd++] = byte;
  }

  #putNull(): void {
    this.#rows.set(NULL, this.#rowsEnd);
    this.#rowsEnd += NULL.length;
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}
