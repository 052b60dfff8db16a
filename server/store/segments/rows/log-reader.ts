import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isUnreadable } from '../../../disk-errors.ts';
import { GUARD_BYTES, type LogChunk } from '../sealed/log-chunks.ts';
import { viewOf } from '../../../words.ts';

/** Whole lines of a log segment. */
export interface LogLines extends LogChunk {
  /** Where in the bytes the first line begins; `offset` is where in the file that is. */
  readonly start: number;
}

/** Room in front of what is read, for the beginning of its first line; it takes memory only where there is such a line. */
const ROOM_BYTES = 524_288;
const NEWLINE = 0x0a;
/** What a disk reads, or does not, as a whole. */
const PAGE_BYTES = 4_096;
/** Reads before the process does something else. */
const TURN_READS = 4;

/** A buffer for `readLogLines`, in shared memory. */
export function newLogBuffer(chunkBytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(ROOM_BYTES + chunkBytes + GUARD_BYTES));
}

/**
 * The whole lines of a file from a line's beginning up to byte `end`, and at last what no newline ends.
 *
 * Closes the file. `length` is where in the bytes they end. Memory is bounded by a buffer or the longest line,
 * whichever is larger.
 *
 * @param takeBuffer - Gives the buffer for the next read: the same one, if nobody uses lines any more when they ask for
 *   the next. Longer lines come in a buffer of their own.
 */
export async function* readLogLines(
  file: FileHandle,
  from: number,
  end: number,
  takeBuffer: () => Buffer,
): AsyncGenerator<LogLines, void, undefined> {
  try {
    // Bytes that begin a line whose end has not been read.
    let rest: Buffer = Buffer.alloc(0);
    // What holds them: one for each would be more garbage than is collected in time.
    let held: Buffer = rest;
    let offset = from;
    for (let reads = 1; offset < end; reads++) {
      if (reads % TURN_READS === 0) await nextTurn();
      const buffer = takeBuffer();
      const wanted = Math.min(buffer.length - ROOM_BYTES - GUARD_BYTES, end - offset);
      const bytesRead = read(file.fd, buffer, wanted, offset);
      if (bytesRead === 0) break;
      offset += bytesRead;
      const lines = placed(rest, buffer, ROOM_BYTES, ROOM_BYTES + bytesRead);
      const length = lines.bytes.lastIndexOf(NEWLINE, lines.held - 1) + 1;
      // In front of what was read may be what was read before.
      const isEnded = length > lines.start;
      // It is copied before what holds it is read to.
      const begun = lines.bytes.subarray(isEnded ? length : lines.start, lines.held);
      if (begun.length > held.length) held = Buffer.allocUnsafeSlow(begun.length * 2);
      rest = held.subarray(0, begun.copy(held));
      if (!isEnded) continue;
      lines.bytes.fill('"', length, length + GUARD_BYTES);
      const { bytes, start } = lines;
      yield { bytes, view: viewOf(bytes), offset: offset - (lines.held - start), start, length };
    }
    if (rest.length > 0) {
      const bytes = Buffer.concat([rest, Buffer.alloc(GUARD_BYTES, '"')]);
      yield { bytes, view: viewOf(bytes), offset: offset - rest.length, start: 0, length: rest.length };
    }
  } finally {
    await file.close();
  }
}

/**
 * Reads what the disk can read; in place of what it can't are bytes that no line has, so that those are damaged.
 *
 * It is as fast as the memory, nearly always: another thread would take longer to wake.
 */
function read(file: number, buffer: Buffer, wanted: number, offset: number): number {
  try {
    return readSync(file, buffer, ROOM_BYTES, wanted, offset);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
  let held = 0;
  while (held < wanted) {
    const piece = Math.min(PAGE_BYTES - ((offset + held) % PAGE_BYTES), wanted - held);
    const at = ROOM_BYTES + held;
    try {
      const bytesRead = readSync(file, buffer, at, piece, offset + held);
      if (bytesRead === 0) break;
      held += bytesRead;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      buffer.fill(0, at, at + piece);
      held += piece;
    }
  }
  return held;
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
