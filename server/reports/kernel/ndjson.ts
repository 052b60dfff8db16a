import { copy, QUOTE, VECTOR_BYTES } from './bytes';
import { beginProgress, DONE, FULL, Progress, UNKNOWN_FORM } from './progress';
import { Row, scanRow, scanTail, UUID_BYTES } from './row';

/** A part of a line: the address of a fixed text, its bytes, and what of the row follows it. A word each. */
const PART_BYTES: usize = 12;
const TYPE: u32 = 1;
const TIMESTAMP: u32 = 2;
const CONTEXT: u32 = 3;
const VERSION: u32 = 4;
const BATCH: u32 = 5;
const SEQUENCE: u32 = 6;
const RECEIVED: u32 = 7;
const SKEW: u32 = 8;
/** What stands between two texts' quotes is no part of an item. */
const DELIMITERS = QUOTE;

class Ndjson {
  static parts: usize = 0;
  static partsEnd: usize = 0;
  static textBytes: usize = 0;
}

/**
 * Says what a line is like, and begins to count anew.
 *
 * @param parts - Where its parts are.
 * @param textBytes - Of all fixed texts.
 */
export function configureNdjson(parts: usize, count: u32, textBytes: usize): void {
  Ndjson.parts = parts;
  Ndjson.partsEnd = parts + (count as usize) * PART_BYTES;
  Ndjson.textBytes = textBytes;
  beginProgress();
}

/** Writes rows as lines of JSON, as far as it can. */
export function encodeNdjson(start: usize, end: usize, to: usize, toEnd: usize): i32 {
  const delimiters = i8x16.splat(DELIMITERS);
  const slack = Ndjson.textBytes + 4 * VECTOR_BYTES;
  let at = start;
  let toAt = to;
  let state = DONE;
  while (at < end) {
    if (!scanRow(at, end, delimiters) || !scanTail()) {
      state = UNKNOWN_FORM;
      break;
    }
    const next = Row.lineEnd + 1;
    if (toAt + (next - at) + slack > toEnd) {
      state = FULL;
      break;
    }
    toAt = writeRow(toAt);
    Progress.rows++;
    at = next;
  }
  Progress.at = at;
  Progress.to = toAt;
  return state;
}

function writeRow(to: usize): usize {
  let toAt = to;
  for (let part = Ndjson.parts; part < Ndjson.partsEnd; part += PART_BYTES) {
    const field = load<u32>(part, 8);
    if (field == VERSION && Row.versionStart == Row.versionEnd) continue;
    toAt = copy(load<u32>(part), toAt, load<u32>(part, 4));
    toAt = writeField(field, toAt);
  }
  return toAt;
}

function writeField(field: u32, to: usize): usize {
  switch (field) {
    case TYPE:
      return copy(Row.typeStart, to, Row.typeEnd - Row.typeStart);
    case TIMESTAMP:
      return copy(Row.start + 1, to, Row.timestampEnd - Row.start - 1);
    case CONTEXT:
      return copy(Row.contextStart, to, Row.contextEnd + 1 - Row.contextStart);
    case VERSION:
      return copy(Row.versionStart, to, Row.versionEnd - Row.versionStart);
    case BATCH:
      return copy(Row.batchStart, to, UUID_BYTES);
    case SEQUENCE:
      return copy(Row.sequenceStart, to, Row.sequenceEnd - Row.sequenceStart);
    case RECEIVED:
      return copy(Row.receivedStart, to, Row.receivedEnd - Row.receivedStart);
    case SKEW:
      return copy(Row.receivedEnd + 1, to, Row.skewEnd - Row.receivedEnd - 1);
    default:
      return to;
  }
}
