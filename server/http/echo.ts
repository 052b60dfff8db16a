import type { IngestResult } from '../ingest/ingest.ts';

const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;
const CLOSE_EVENT = 0x7d;
/** More than any sequence has digits, and the bracket or comma behind the event. */
const ROOM_BYTES = 12;

/** The stored events as JSON of `EventFull[]`: their texts are at hand, and the two fields are added behind each. */
export function echoOf({ batch, stored, rejected }: IngestResult): Buffer {
  const fields = Buffer.from(`,"batch":"${batch}","sequence":`);
  const { bytes, ends } = stored;
  const echo = Buffer.allocUnsafe(2 + bytes.length + ends.length * (fields.length + ROOM_BYTES));
  const isRejected = new Set(rejected.map(({ sequence }) => sequence));
  let length = 0;
  let start = 0;
  let sequence = 0;
  echo[length++] = OPEN;
  for (const end of ends) {
    while (isRejected.has(sequence)) sequence++;
    if (start > 0) echo[length++] = COMMA;
    // Without its closing brace.
    echo.set(bytes.subarray(start, end - 1), length);
    length += end - 1 - start;
    echo.set(fields, length);
    length += fields.length;
    length += echo.write(String(sequence++), length, 'latin1');
    echo[length++] = CLOSE_EVENT;
    start = end + 1;
  }
  echo[length++] = CLOSE;
  return echo.subarray(0, length);
}
