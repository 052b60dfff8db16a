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
      read: (first = 0, last = size - 1) => new RangeStream(file, first, last + 1),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The bytes of a file from a position up to another one; closes the file. */
class RangeStream extends Readable {
  readonly #file: FileHandle;
  readonly #end: number;
  #position: number;

  constructor(file: FileHandle, start: number, end: number) {
    super({ highWaterMark: CHUNK_BYTES });
    this.#file = file;
    this.#position = start;
    this.#end = end;
  }

  override _read(): void {
    if (this.#position < this.#end) void this.#readNext();
    else this.push(null);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    void this.#close(error, done);
  }

  async #readNext(): Promise<void> {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, this.#end - this.#position));
    try {
      const { bytesRead } = await this.#file.read(chunk, 0, chunk.length, this.#position);
      // An end here would look like the end of the report.
      if (bytesRead === 0) throw new Error('a report has become shorter while it was read');
      this.#position += bytesRead;
      this.push(chunk.subarray(0, bytesRead));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error('a report could not be read'));
    }
  }

  async #close(error: Error | null, done: (error?: Error | null) => void): Promise<void> {
    try {
      await this.#file.close();
    } catch (closing) {
      done(error ?? (closing instanceof Error ? closing : null));
      return;
    }
    done(error);
  }
}
