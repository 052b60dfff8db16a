import { Literal } from './words.ts';

const DURABLE = new Literal('"durable":');
const POSITION = new Literal('"position":');
const BATCH = new Literal(',"batch":"');
const RECEIVED = new Literal('","received":');
const SKEW = new Literal(',"skew":');
const FINGERPRINT = new Literal(',"fingerprint":"1:');
const EVENTS = new Literal('","events":[');

export const UUID_BYTES = 36;
const DIGEST_BYTES = 32;
/** With its version. */
export const FINGERPRINT_BYTES = 2 + DIGEST_BYTES;
const MINUS = 0x2d;
const COMMA = 0x2c;
const MAX_DIGITS = 15;

/** Where the fields before a line's events are; one object is used again and again. */
export interface HeaderSpans {
  positionStart: number;
  positionEnd: number;
  position: number;
  /** Without its quotes. */
  batchStart: number;
  receivedStart: number;
  receivedEnd: number;
  received: number;
  skewStart: number;
  /** The same as `skewStart` if there is none. */
  skewEnd: number;
  fingerprintStart: number;
  eventsStart: number;
}

export function newHeaderSpans(): HeaderSpans {
  return {
    positionStart: 0,
    positionEnd: 0,
    position: 0,
    batchStart: 0,
    receivedStart: 0,
    receivedEnd: 0,
    // No small integer, so that the engine expects what comes.
    received: 0.5,
    skewStart: 0,
    skewEnd: 0,
    fingerprintStart: 0,
    eventsStart: 0,
  };
}

/**
 * Finds the fields before the events of a batch line that has no parents and no ledger.
 *
 * @param start - Where the fields begin that the line's checksum is of.
 * @returns Whether the line is of that form.
 */
export function scanHeader(view: DataView, start: number, spans: HeaderSpans): boolean {
  let at = start;
  if (DURABLE.isAt(view, at)) {
    at = digitsEnd(view, at + DURABLE.length);
    if (at < 0 || view.getUint8(at++) !== COMMA) return false;
  }
  if (!POSITION.isAt(view, at)) return false;
  spans.positionStart = at + POSITION.length;
  at = digitsEnd(view, spans.positionStart);
  if (at < 0 || !BATCH.isAt(view, at)) return false;
  spans.positionEnd = at;
  spans.batchStart = at + BATCH.length;
  at = spans.batchStart + UUID_BYTES;
  if (!areHex(view, spans.batchStart, at) || !RECEIVED.isAt(view, at)) return false;
  spans.receivedStart = at + RECEIVED.length;
  at = digitsEnd(view, spans.receivedStart);
  if (at < 0) return false;
  spans.receivedEnd = at;
  spans.skewStart = at;
  if (SKEW.isAt(view, at)) {
    spans.skewStart += SKEW.length;
    at = digitsEnd(view, spans.skewStart + (view.getUint8(spans.skewStart) === MINUS ? 1 : 0));
    if (at < 0) return false;
  }
  spans.skewEnd = at;
  if (!FINGERPRINT.isAt(view, at)) return false;
  const digest = at + FINGERPRINT.length;
  spans.fingerprintStart = digest - 2;
  at = digest + DIGEST_BYTES;
  if (!areHex(view, digest, at) || !EVENTS.isAt(view, at)) return false;
  spans.eventsStart = at + EVENTS.length;
  spans.position = numberAt(view, spans.positionStart, spans.positionEnd);
  spans.received = numberAt(view, spans.receivedStart, spans.receivedEnd);
  return true;
}

/** Where an integer ends of which every digit is exact; -1 if there is none. */
function digitsEnd(view: DataView, start: number): number {
  let end = start;
  while (isDigit(view.getUint8(end))) end++;
  const isLeadingZero = end - start > 1 && view.getUint8(start) === 0x30;
  return end === start || end - start > MAX_DIGITS || isLeadingZero ? -1 : end;
}

function numberAt(view: DataView, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (view.getUint8(at) - 0x30);
  return value;
}

/** Whether all are lower-case hex digits or hyphens. */
function areHex(view: DataView, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = view.getUint8(at);
    if (!isDigit(byte) && byte !== MINUS && (byte < 0x61 || byte > 0x66)) return false;
  }
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
