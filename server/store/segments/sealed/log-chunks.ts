import { open } from 'node:fs/promises';
import { viewOf } from '../../../words.ts';

/** A part of a log segment. */
export interface LogChunk {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where in the file its first byte is. */
  readonly offset: number;
  /** Bytes of it that are the file's; the rest are quotes. */
  readonly length: number;
}

const CHUNK_BYTES = 1_048_576;
/** Quotes behind what was read, at which every search for the end of a text ends. */
export const GUARD_BYTES = 64;
const NEWLINE = 0x0a;

/**
 * The whole lines of a file up to byte `end`, and at last what no newline ends.
 *
 * Memory is bounded by a chunk or the longest line, whichever is larger.
 */
export async function* readLogChunks(path: string, end: number): AsyncGenerator<LogChunk, void, undefined> {
  const file = await open(path, 'r');
  try {
    let bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let offset = 0;
    let held = 0;
    while (offset + held < end) {
      if (held + GUARD_BYTES >= bytes.length) {
        const larger = Buffer.allocUnsafeSlow(bytes.length * 2);
        bytes.copy(larger, 0, 0, held);
        bytes = larger;
      }
      const wanted = Math.min(bytes.length - GUARD_BYTES - held, end - offset - held);
      const { bytesRead } = await file.read(bytes, held, wanted, offset + held);
      if (bytesRead === 0) break;
      held += bytesRead;
      const length = bytes.lastIndexOf(NEWLINE, held - 1) + 1;
      if (length === 0) continue;
      bytes.fill('"', held, held + GUARD_BYTES);
      yield { bytes, view: viewOf(bytes), offset, length };
      bytes.copyWithin(0, length, held);
      offset += length;
      held -= length;
    }
    if (held > 0) yield { bytes, view: viewOf(bytes), offset, length: held };
  } finally {
    await file.close();
  }
}
