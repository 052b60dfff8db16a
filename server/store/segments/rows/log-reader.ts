import type { FileHandle } from 'node:fs/promises';
import { GUARD_BYTES, type LogChunk } from '../sealed/log-chunks.ts';
import { viewOf } from '../../../words.ts';

/** Whole lines of a log segment. */
export interface LogLines extends LogChunk {
  /** Where in the bytes the first line begins; `offset` is where in the file that is. */
  readonly start: number;
}

export type LogBuffers = readonly [Buffer, Buffer];

/** Room in front of what is read, for the beginning of its first line. */
const ROOM_BYTES = 65_536;
const NEWLINE = 0x0a;

interface Reading {
  readonly buffer: Buffer;
  /** Where what was read begins. */
  readonly at: number;
  readonly bytesRead: number;
  readonly error?: unknown;
}

/** Two buffers for `readLogLines`, one segment after the other. */
export function newLogBuffers(chunkBytes: number): LogBuffers {
  const newBuffer = (): Buffer => Buffer.allocUnsafeSlow(ROOM_BYTES + chunkBytes + GUARD_BYTES);
  return [newBuffer(), newBuffer()];
}

/**
 * The whole lines of a file up to byte `end`, and at last what no newline ends; reads on while they are used.
 *
 * Closes the file. `length` is where in the bytes they end. Memory is bounded by the buffers or the longest line,
 * whichever is larger.
 */
export async function* readLogLines(
  file: FileHandle,
  end: number,
  buffers: LogBuffers,
): AsyncGenerator<LogLines, void, undefined> {
  let ahead: Promise<Reading> | undefined;
  try {
    let [next, other] = buffers;
    const chunkBytes = next.length - ROOM_BYTES - GUARD_BYTES;
    // Bytes that begin a line whose end has not been read.
    let rest: Buffer = Buffer.alloc(0);
    let offset = 0;
    ahead = readChunk(file, next, offset, Math.min(chunkBytes, end));
    for (;;) {
      const { buffer, at, bytesRead, error } = await ahead;
      ahead = undefined;
      if (error !== undefined) throw error;
      if (bytesRead === 0) break;
      offset += bytesRead;
      const held = at + bytesRead;
      const lines = placed(rest, buffer, at, held);
      const length = lines.bytes.lastIndexOf(NEWLINE, lines.held - 1) + 1;
      // In front of what was read may be what was read before.
      const isEnded = length > lines.start;
      // It is copied before what holds it is read to.
      rest = Buffer.from(lines.bytes.subarray(isEnded ? length : lines.start, lines.held));
      // The other one is not used any more.
      [next, other] = [other, next];
      if (offset < end) ahead = readChunk(file, next, offset, Math.min(chunkBytes, end - offset));
      if (isEnded) {
        lines.bytes.fill('"', length, length + GUARD_BYTES);
        const { bytes, start } = lines;
        yield { bytes, view: viewOf(bytes), offset: offset - (lines.held - start), start, length };
      }
      if (ahead === undefined) break;
    }
    if (rest.length > 0) {
      const bytes = Buffer.concat([rest, Buffer.alloc(GUARD_BYTES, '"')]);
      yield { bytes, view: viewOf(bytes), offset: offset - rest.length, start: 0, length: rest.length };
    }
  } finally {
    await ahead;
    await file.close();
  }
}

/** Puts the beginning of a line in front of what follows it. */
function placed(
  rest: Buffer,
  buffer: Buffer,
  at: number,
  held: number,
): { readonly bytes: Buffer; readonly start: number; readonly held: number } {
  if (rest.length <= at) {
    buffer.set(rest, at - rest.length);
    return { bytes: buffer, start: at - rest.length, held };
  }
  const bytes = Buffer.concat([rest, buffer.subarray(at, held), Buffer.alloc(GUARD_BYTES)]);
  return { bytes, start: 0, held: rest.length + held - at };
}

/** Never rejects, as nobody may be waiting for it. */
async function readChunk(file: FileHandle, buffer: Buffer, offset: number, wanted: number): Promise<Reading> {
  const at = ROOM_BYTES;
  try {
    const { bytesRead } = await file.read(buffer, at, wanted, offset);
    return { buffer, at, bytesRead };
  } catch (error) {
    return { buffer, at, bytesRead: 0, error };
  }
}
