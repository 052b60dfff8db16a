import { itemEnd, listEnd } from '../sealed/scan-event.ts';

/** Where the parts of a row are; one object is used again and again. */
export interface RowParts {
  timestamp: number;
  typeAt: number;
  typeEnd: number;
  contextAt: number;
  contextEnd: number;
  /** The batch's id without its quotes. */
  batchAt: number;
  batchEnd: number;
  sequence: number;
  position: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const ZERO = 0x30;
/** Digits of which every number is exact. */
const MAX_DIGITS = 15;

export function newRowParts(): RowParts {
  return {
    timestamp: 0,
    typeAt: 0,
    typeEnd: 0,
    contextAt: 0,
    contextEnd: 0,
    batchAt: 0,
    batchEnd: 0,
    sequence: 0,
    position: 0,
  };
}

/**
 * Finds the parts of a row up to its position.
 *
 * @param view - Has a valid row at the place, and words' slack behind all rows.
 * @returns False if the row is of a form that the store does not write, and has to be read as JSON.
 */
export function scanRow(view: DataView, start: number, parts: RowParts): boolean {
  if (view.getUint8(start) !== OPEN_BRACKET) return false;
  let at = digitsEnd(view, start + 1);
  if (at < 0) return false;
  parts.timestamp = valueOf(view, start + 1, at);
  parts.typeAt = at + 1;
  if (view.getUint8(at) !== COMMA || view.getUint8(at + 1) !== QUOTE) return false;
  at = itemEnd(view, at + 1);
  parts.typeEnd = at;
  if (at < 0 || view.getUint8(at) !== COMMA) return false;
  parts.contextAt = at + 1;
  at = listEnd(view, at + 1);
  parts.contextEnd = at;
  if (at < 0 || view.getUint8(at) !== COMMA || view.getUint8(at + 1) !== QUOTE) return false;
  parts.batchAt = at + 2;
  at = itemEnd(view, at + 1);
  parts.batchEnd = at - 1;
  if (at < 0 || view.getUint8(at) !== COMMA) return false;
  const sequenceAt = at + 1;
  at = digitsEnd(view, sequenceAt);
  if (at < 0 || view.getUint8(at) !== COMMA) return false;
  parts.sequence = valueOf(view, sequenceAt, at);
  const positionAt = at + 1;
  at = digitsEnd(view, positionAt);
  if (at < 0 || view.getUint8(at) !== COMMA) return false;
  parts.position = valueOf(view, positionAt, at);
  return true;
}

/** Where a row's type begins, with its quote; -1 if the row is of a form that the store does not write. */
export function findType(view: DataView, start: number): number {
  const end = digitsEnd(view, start + 1);
  return end >= 0 && view.getUint8(end) === COMMA && view.getUint8(end + 1) === QUOTE ? end + 1 : -1;
}

/** Where digits end; -1 if there are none, or more than are exact. */
function digitsEnd(view: DataView, start: number): number {
  let at = start;
  while (isDigit(view.getUint8(at))) at++;
  return at === start || at - start > MAX_DIGITS ? -1 : at;
}

function valueOf(view: DataView, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (view.getUint8(at) - ZERO);
  return value;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}
