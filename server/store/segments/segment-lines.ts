import { open } from 'node:fs/promises';

/** A line of a file: its bytes without the newline, valid until the next chunk is asked for. */
export interface SegmentLine {
  readonly offset: number;
  readonly bytes: Buffer;
  /** False for the last bytes of the range if no newline ends them. */
  readonly isEnded: boolean;
}

const CHUNK_BYTES = 1_048_576;
const NEWLINE = 0x0a;

/**
 * The lines of a file up to byte `end`, those of one chunk at a time.
 *
 * Memory is bounded by a chunk or the longest line, whichever is larger.
 *
 * @param options.start - Where a line begins that is to be the first one read.
 */
export async function* readLines(
  path: string,
  end: number,
  options: { readonly start?: number; readonly chunkBytes?: number } = {},
): AsyncGenerator<readonly SegmentLine[], void, undefined> {
  const file = await open(path, 'r');
  try {
    let buffer = Buffer.allocUnsafe(options.chunkBytes ?? CHUNK_BYTES);
    // What the buffer holds: `held` bytes that begin at `start` of the file.
    let start = options.start ?? 0;
    let held = 0;
    while (start + held < end) {
      if (held === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)]);
      const wanted = Math.min(buffer.length - held, end - start - held);
      const { bytesRead } = await file.read(buffer, held, wanted, start + held);
      if (bytesRead === 0) break;
      // A newline can't be in what was searched before.
      const lines = splitLines(buffer.subarray(0, held + bytesRead), start, held);
      held += bytesRead;
      const last = lines.at(-1);
      if (last === undefined) continue;
      yield lines;
      const used = last.offset + last.bytes.length + 1 - start;
      buffer.copyWithin(0, used, held);
      start += used;
      held -= used;
    }
    if (held > 0) yield [{ offset: start, bytes: buffer.subarray(0, held), isEnded: false }];
  } finally {
    await file.close();
  }
}

function splitLines(buffer: Buffer, start: number, searched: number): readonly SegmentLine[] {
  const lines: SegmentLine[] = [];
  let from = 0;
  let newline = buffer.indexOf(NEWLINE, searched);
  while (newline >= 0) {
    lines.push({ offset: start + from, bytes: buffer.subarray(from, newline), isEnded: true });
    from = newline + 1;
    newline = buffer.indexOf(NEWLINE, from);
  }
  return lines;
}
