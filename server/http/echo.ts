import { sequencesOf, type IngestResult } from '../ingest/ingest.ts';

const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;
const CLOSE_EVENT = 0x7d;
/** More than any sequence has digits, and the bracket or comma behind the event. */
const ROOM_BYTES = 12;

/**
 * The stored events as JSON of `EventFull[]`: their texts are at hand, and the two fields are added behind each.
 *
 * The texts are copied once, to the end of the buffer, and moved to their places from there; so are the fields, from
 * the event before. Bytes that move within a buffer need no view of their own, and what has been written always ends
 * before what has still to be moved.
 */
export function echoOf({ batch, stored, rejected }: IngestResult): Buffer {
  const { bytes, ends } = stored;
  const fields = `,"batch":"${batch}","sequence":`;
  const echo = Buffer.allocUnsafe(2 + bytes.length + ends.length * (fields.length + ROOM_BYTES));
  const texts = echo.length - bytes.length;
  echo.set(bytes, texts);
  const isRejected = sequencesOf(rejected);
  let fieldsAt = 0;
  let length = 0;
  let start = 0;
  let sequence = 0;
  echo[length++] = OPEN;
  for (const end of ends) {
    while (isRejected.has(sequence)) sequence++;
    if (start > 0) echo[length++] = COMMA;
    // Without its closing brace.
    echo.copyWithin(length, texts + start, texts + end - 1);
    length += end - 1 - start;
    if (fieldsAt === 0) echo.write(fields, length, 'latin1');
    else echo.copyWithin(length, fieldsAt, fieldsAt + fields.length);
    fieldsAt = length;
    length += fields.length;
    const digits = String(sequence++);
    for (let digit = 0; digit < digits.length; digit++) echo[length++] = digits.charCodeAt(digit);
    echo[length++] = CLOSE_EVENT;
    start = end + 1;
  }
  echo[length++] = CLOSE;
  return echo.subarray(0, length);
}
