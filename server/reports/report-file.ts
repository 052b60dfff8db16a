import { open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';

/** A finished report that is open; whoever has it reads it once, or closes it. */
export interface ReportFile {
  /** Bytes. */
  readonly size: number;
  /** When it was written, in milliseconds since the Unix epoch. */
  readonly modifiedMs: number;
  /**
   * The bytes from `first` to `last`, both inclusive, by default all. Closes the file at its end, and where it is
   * destroyed; fails rather than ends if the file has become shorter.
   */
  read(first?: number, last?: number): Readable;
  close(): Promise<void>;
}

/** What a slow reader keeps in memory, twice at most. */
const CHUNK_BYTES = 65_536;

/** Opens a report. */
export async function openReportFile(path: string): Promise<ReportFile> {
  const file = await open(path, 'r');
  try {
    const { size, mtimeMs } = await file.stat();
    return {
      size,
      modifiedMs: mtimeMs,
      read: (first = 0, last = size - 1) => readRange(file, first, last + 1),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function readRange(file: FileHandle, start: number, end: number): Readable {
  let position = start;
  return new Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      if (position >= end) {
        this.push(null);
        return;
      }
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
      file.read(chunk, 0, chunk.length, position).then(
        ({ bytesRead }) => {
          position += bytesRead;
          // An end here would look like the end of the report.
          if (bytesRead === 0) this.destroy(new Error('a report has become shorter while it was read'));
          else this.push(chunk.subarray(0, bytesRead));
        },
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      file.close().then(
        () => done(error),
        (closing: Error) => done(error ?? closing),
      );
    },
  });
}
