import { APOSTROPHE, copy, MINUS, NEWLINE, NINE, QUOTE, VECTOR_BYTES } from './bytes';
import { isGuarded, writeText } from './csv-text';
import { beginProgress, DONE, FULL, Progress, UNKNOWN_FORM, UNKNOWN_TYPE } from './progress';
import {
  DELIMITED,
  ESCAPED,
  itemEnd,
  itemKind,
  itemStart,
  NULL,
  Row,
  scanRow,
  scanTail,
  UUID_BYTES,
} from './row';
import { findType, STEPS_OFFSET, TypeLayout } from './types';

const TYPE_COLUMN: u32 = 1;
const SLASH: u8 = 0x2f;
const LETTER_A: u8 = 0x61;
const LETTER_F: u8 = 0x66;
const LETTER_N: u8 = 0x6e;
/** Columns behind all others, as digits of a number: the first one is the lowest. */
const VERSION: u32 = 1;
const RECEIVED: u32 = 2;
const SKEW: u32 = 3;
const BATCH: u32 = 4;
const SEQUENCE: u32 = 5;
const BESIDE_BITS: u32 = 4;

class Csv {
  static delimiter: u8 = 0;
  static guard: bool = false;
  static columns: u32 = 0;
  static firstExtra: u32 = 0;
  static extra: u32 = 0;
  static beside: u32 = 0;
}

/**
 * Says what a table is like, and begins to count anew.
 *
 * @param delimiter - An ASCII character that is nothing else in a row.
 * @param columns - How many there are.
 * @param firstExtra - The number of column `context1`.
 * @param extra - How many columns `context1`, … there are.
 * @param beside - The columns behind those.
 */
export function configureCsv(
  delimiter: u8,
  guard: bool,
  columns: u32,
  firstExtra: u32,
  extra: u32,
  beside: u32,
): void {
  Csv.delimiter = delimiter;
  Csv.guard = guard;
  Csv.columns = columns;
  Csv.firstExtra = firstExtra;
  Csv.extra = extra;
  Csv.beside = beside;
  beginProgress();
}

/** Writes rows as lines of CSV (RFC 4180), as far as it can: the same as `csvRow` of a layout's fields. */
export function encodeCsv(start: usize, end: usize, to: usize, toEnd: usize): i32 {
  const delimiters = i8x16.splat(Csv.delimiter);
  const slack = (Csv.columns as usize) + 4 * VECTOR_BYTES;
  let at = start;
  let toAt = to;
  let state = DONE;
  while (at < end) {
    if (!scanRow(at, end, delimiters) || (Csv.beside != 0 && !(scanTail() && isUuid(Row.batchStart)))) {
      state = UNKNOWN_FORM;
      break;
    }
    const type = findType(Row.typeStart, Row.typeEnd - Row.typeStart);
    if (type == 0) {
      state = UNKNOWN_TYPE;
      break;
    }
    const next = Row.lineEnd + 1;
    // An escape of two bytes may become two quotes; an item of none gets two of them.
    if (toAt + 3 * (next - at) + slack + changetype<TypeLayout>(type).fieldBytes > toEnd) {
      state = FULL;
      break;
    }
    const named = changetype<TypeLayout>(type).named;
    if (Row.items > named && Row.items > Progress.neededExtra) Progress.neededExtra = Row.items;
    if (Progress.neededExtra <= Csv.extra) toAt = writeRow(type, toAt, delimiters);
    Progress.rows++;
    at = next;
  }
  Progress.at = at;
  Progress.to = toAt;
  return state;
}

function writeRow(type: usize, to: usize, delimiters: v128): usize {
  const layout = changetype<TypeLayout>(type);
  const items = Row.items;
  const firstExtra = Csv.firstExtra;
  let toAt = copy(Row.start + 1, to, Row.timestampEnd - Row.start - 1);
  store<u8>(toAt++, Csv.delimiter);
  toAt = copy(layout.field, toAt, layout.fieldBytes);
  let column = TYPE_COLUMN;
  const steps = type + STEPS_OFFSET;
  const stepsEnd = steps + ((layout.named as usize) << 3);
  for (let step = steps; step < stepsEnd; step += 8) {
    const item = load<u32>(step);
    if (item >= items || itemKind(item) == NULL) continue;
    const place = load<u32>(step, 4);
    toAt = delimit(toAt, place - column, delimiters);
    column = place;
    toAt = writeItem(itemStart(item), itemEnd(item), itemKind(item), toAt);
  }
  for (let item = layout.named; item < items; item++) {
    if (itemKind(item) == NULL) continue;
    toAt = delimit(toAt, firstExtra + item - column, delimiters);
    column = firstExtra + item;
    toAt = writeItem(itemStart(item), itemEnd(item), itemKind(item), toAt);
  }
  toAt = delimit(toAt, firstExtra + Csv.extra - 1 - column, delimiters);
  if (Csv.beside != 0) toAt = writeBeside(toAt);
  store<u8>(toAt, NEWLINE);
  return toAt + 1;
}

function delimit(to: usize, count: u32, delimiters: v128): usize {
  for (let written: usize = 0; written < (count as usize); written += VECTOR_BYTES)
    v128.store(to + written, delimiters);
  return to + (count as usize);
}

function writeItem(start: usize, end: usize, kind: u8, to: usize): usize {
  if (start == end) {
    store<u8>(to, QUOTE);
    store<u8>(to, QUOTE, 1);
    return to + 2;
  }
  if (kind == ESCAPED) return writeText(start, end, to, Csv.delimiter, Csv.guard);
  let toAt = to;
  if (kind == DELIMITED) store<u8>(toAt++, QUOTE);
  if (Csv.guard && isGuarded(load<u8>(start))) store<u8>(toAt++, APOSTROPHE);
  toAt = copy(start, toAt, end - start);
  if (kind == DELIMITED) store<u8>(toAt++, QUOTE);
  return toAt;
}

/** The columns that come last; each begins with its delimiter. */
function writeBeside(to: usize): usize {
  let toAt = to;
  for (let rest = Csv.beside; rest != 0; rest >>= BESIDE_BITS) {
    store<u8>(toAt++, Csv.delimiter);
    switch (rest & ((1 << BESIDE_BITS) - 1)) {
      case BATCH:
        toAt = writeNumber(Row.batchStart, Row.batchStart + UUID_BYTES, toAt);
        break;
      case SEQUENCE:
        toAt = writeNumber(Row.sequenceStart, Row.sequenceEnd, toAt);
        break;
      case RECEIVED:
        toAt = writeNumber(Row.receivedStart, Row.receivedEnd, toAt);
        break;
      case SKEW:
        toAt = writeNumber(Row.receivedEnd + 1, Row.skewEnd, toAt);
        break;
      case VERSION:
        if (load<u8>(Row.versionStart) == QUOTE)
          toAt = writeItem(Row.versionStart + 1, Row.versionEnd - 1, ESCAPED, toAt);
        break;
    }
  }
  return toAt;
}

/** A number, a UUID, or `null`, which is an empty field. */
function writeNumber(start: usize, end: usize, to: usize): usize {
  const first = load<u8>(start);
  if (first == LETTER_N) return to;
  let toAt = to;
  if (Csv.guard && isGuarded(first)) store<u8>(toAt++, APOSTROPHE);
  return copy(start, toAt, end - start);
}

/** Whether there is what needs no quotes. */
function isUuid(start: usize): bool {
  for (let at = start; at < start + UUID_BYTES; at++) {
    const byte = load<u8>(at);
    const isHex = byte > NINE ? byte >= LETTER_A && byte <= LETTER_F : byte > SLASH;
    if (!isHex && byte != MINUS) return false;
  }
  return true;
}
