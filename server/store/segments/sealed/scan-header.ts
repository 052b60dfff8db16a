import { findQuoteOrBackslash, isAscii, Literal } from '../../../words.ts';

const DURABLE = new Literal('"durable":');
const POSITION = new Literal('"position":');
const BATCH = new Literal(',"batch":"');
const RECEIVED = new Literal('","received":');
const SKEW = new Literal(',"skew":');
const FINGERPRINT = new Literal(',"fingerprint":"');
const EVENTS = new Literal('","events":[');

const MINUS = 0x2d;
const COMMA = 0x2c;
const ZERO = 0x30;
/** Digits of which every number is exact. */
const MAX_DIGITS = 15;

/** The fields of a batch line before its events, or where they are; one object is used again and again. */
export interface PlainHeader {
  position: number;
  batchAt: number;
  batchEnd: number;
  received: number;
  skew: number | undefined;
  fingerprintAt: number;
  fingerprintEnd: number;
  eventsAt: number;
}

export function newHeader(): PlainHeader {
  return {
    position: 0,
    batchAt: 0,
    batchEnd: 0,
    received: 0,
    skew: undefined,
    fingerprintAt: 0,
    fingerprintEnd: 0,
    eventsAt: 0,
  };
}

/**
 * Finds the fields before the events of a batch line that has no parents and no ledger.
 *
 * @param start - Where the fields begin that the line's checksum is of.
 * @returns Whether the line is of that form.
 */
export function scanHeader(view: DataView, start: number, header: PlainHeader): boolean {
  let at = start;
  if (DURABLE.isAt(view, at)) {
    at = integerEnd(view, at + DURABLE.length);
    if (at < 0 || view.getUint8(at++) !== COMMA) return false;
  }
  if (!POSITION.isAt(view, at)) return false;
  const positionAt = at + POSITION.length;
  const positionEnd = integerEnd(view, positionAt);
  if (positionEnd < 0 || !BATCH.isAt(view, positionEnd)) return false;
  const batchAt = positionEnd + BATCH.length;
  const batchEnd = findQuoteOrBackslash(view, batchAt);
  if (!isAscii(view, batchAt, batchEnd) || !RECEIVED.isAt(view, batchEnd)) return false;
  const receivedAt = batchEnd + RECEIVED.length;
  at = integerEnd(view, receivedAt);
  if (at < 0) return false;
  const received = integerAt(view, receivedAt, at);
  let skew: number | undefined;
  if (SKEW.isAt(view, at)) {
    const skewAt = at + SKEW.length;
    at = integerEnd(view, skewAt);
    if (at < 0) return false;
    skew = integerAt(view, skewAt, at);
  }
  if (!FINGERPRINT.isAt(view, at)) return false;
  const fingerprintAt = at + FINGERPRINT.length;
  const fingerprintEnd = findQuoteOrBackslash(view, fingerprintAt);
  if (!isAscii(view, fingerprintAt, fingerprintEnd) || !EVENTS.isAt(view, fingerprintEnd)) return false;
  header.position = integerAt(view, positionAt, positionEnd);
  header.batchAt = batchAt;
  header.batchEnd = batchEnd;
  header.received = received;
  header.skew = skew;
  header.fingerprintAt = fingerprintAt;
  header.fingerprintEnd = fingerprintEnd;
  header.eventsAt = fingerprintEnd + EVENTS.length;
  return true;
}

/** Where an integer ends of which every digit is exact; -1 if there is none. */
function integerEnd(view: DataView, start: number): number {
  const digits = view.getUint8(start) === MINUS ? start + 1 : start;
  let end = digits;
  while (isDigit(view.getUint8(end))) end++;
  // JSON has no number that begins so but 0, and -0 is read as what is written as 0.
  const isLeadingZero = view.getUint8(digits) === ZERO && end - start > 1;
  return end === digits || end - digits > MAX_DIGITS || isLeadingZero ? -1 : end;
}

function integerAt(view: DataView, start: number, end: number): number {
  const isNegative = view.getUint8(start) === MINUS;
  let value = 0;
  for (let at = isNegative ? start + 1 : start; at < end; at++)
    value = value * 10 + (view.getUint8(at) - ZERO);
  return isNegative ? -value : value;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
