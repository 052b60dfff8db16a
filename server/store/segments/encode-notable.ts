import { parseBatchLine, type BatchLine } from './batch-line.ts';
import type { NotableLine } from './read-log.ts';
import type { SealedBatchLine } from './sealed-row.ts';

const PIECE_BYTES = 1_048_576;
/** Bytes of a checked line before its fields: `{"v":1,"crc":"........",`. */
const HEAD_BYTES = 24;

/** What a sealed segment keeps of batches besides their events, as its lines, some at a time. */
export function* encodeNotable(source: Buffer, lines: readonly NotableLine[]): Generator<Buffer> {
  let texts: string[] = [];
  let units = 0;
  for (const line of lines) {
    const text = `${JSON.stringify(sealedLine(parse(source, line)))}\n`;
    texts.push(text);
    units += text.length;
    if (units < PIECE_BYTES) continue;
    yield Buffer.from(texts.join(''));
    texts = [];
    units = 0;
  }
  if (texts.length > 0) yield Buffer.from(texts.join(''));
}

/** Reads a line that was found whole before, without its events where they can be passed over. */
function parse(source: Buffer, { start, end, events }: NotableLine): BatchLine {
  if (events !== undefined) {
    const before = source.toString('utf8', start + HEAD_BYTES, events[0]);
    const behind = source.toString('utf8', events[1], end);
    // The checksum said that we wrote it, and we write nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return JSON.parse(`{${before}${behind}`) as BatchLine;
  }
  const line = parseBatchLine(source.subarray(start, end));
  if (line === undefined) throw new Error('a line was damaged in memory');
  return line;
}

function sealedLine(line: BatchLine): SealedBatchLine {
  const { position, batch, parents, offset, received, skew, fingerprint, ledger, rejected } = line;
  const isPart = parents !== undefined && parents.length > 0;
  return {
    position,
    batch,
    ...(isPart ? { parents } : {}),
    ...(isPart && offset !== undefined ? { offset } : {}),
    received,
    ...(skew === undefined ? {} : { skew }),
    fingerprint,
    ...(ledger === undefined ? {} : { ledger }),
    ...(rejected === undefined || rejected.length === 0 ? {} : { rejected }),
  };
}
