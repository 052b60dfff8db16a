import type { BatchHeader } from './batch-line.ts';
import { isAt } from './scan-event.ts';

const DURABLE = Buffer.from('"durable":');
const COMMA = Buffer.from(',');
const POSITION = Buffer.from('"position":');
const BATCH = Buffer.from(',"batch":"');
const RECEIVED = Buffer.from('","received":');
const SKEW = Buffer.from(',"skew":');
const FINGERPRINT = Buffer.from(',"fingerprint":"');
const EVENTS = Buffer.from('","events":[');

const UUID = /^[0-9a-f-]{36}$/;
const UUID_BYTES = 36;
const DIGEST = /^1:[0-9a-f]{32}$/;
const DIGEST_BYTES = 34;
const MINUS = 0x2d;
const MAX_DIGITS = 15;

/** What is before the events of most batch lines. */
export interface PlainHeader {
  readonly header: BatchHeader;
  /** Where the first event begins. */
  readonly eventsAt: number;
}

/**
 * Reads the fields before the events of a batch line that has no parents and no ledger.
 *
 * @param at - Where the fields begin that the line's checksum is of.
 * @returns undefined if the line is of any other form.
 */
export function scanHeader(bytes: Buffer, at: number): PlainHeader | undefined {
  const cursor = { bytes, at };
  if (skip(cursor, DURABLE) && (readInteger(cursor) === undefined || !skip(cursor, COMMA))) return undefined;
  const position = skip(cursor, POSITION) ? readInteger(cursor) : undefined;
  if (position === undefined || !skip(cursor, BATCH)) return undefined;
  const batch = readText(cursor, UUID_BYTES);
  const received = skip(cursor, RECEIVED) ? readInteger(cursor) : undefined;
  if (received === undefined || !UUID.test(batch)) return undefined;
  const skew = skip(cursor, SKEW) ? readInteger(cursor) : null;
  if (skew === undefined || !skip(cursor, FINGERPRINT)) return undefined;
  const fingerprint = readText(cursor, DIGEST_BYTES);
  if (!skip(cursor, EVENTS) || !DIGEST.test(fingerprint)) return undefined;
  const header = { position, batch, received, fingerprint };
  return { header: skew === null ? header : { ...header, skew }, eventsAt: cursor.at };
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function skip(cursor: Cursor, text: Buffer): boolean {
  if (!isAt(cursor.bytes, cursor.at, text)) return false;
  cursor.at += text.length;
  return true;
}

function readText(cursor: Cursor, length: number): string {
  const start = cursor.at;
  cursor.at += length;
  return cursor.bytes.toString('latin1', start, cursor.at);
}

/** An integer of which every digit is exact; undefined if there is none. */
function readInteger(cursor: Cursor): number | undefined {
  const { bytes } = cursor;
  const isNegative = bytes[cursor.at] === MINUS;
  const start = isNegative ? cursor.at + 1 : cursor.at;
  let end = start;
  let value = 0;
  for (;;) {
    const digit = (bytes[end] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    end++;
  }
  if (end === start || end - start > MAX_DIGITS) return undefined;
  cursor.at = end;
  return isNegative ? -value : value;
}
