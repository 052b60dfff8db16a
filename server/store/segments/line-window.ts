import type { FileHandle } from 'node:fs/promises';

/** Bytes that are read at a place that was not read before. */
export const PAGE_BYTES = 4_096;
/** Bytes that are read at once where one line after the other is asked for. */
const MAX_STEP_BYTES = 65_536;
const NEWLINE = 0x0a;

/**
 * Lines of a file that does not change, looked up at any place of it.
 *
 * What was read last is kept, so that lines that follow one another are read once, ever more of them together.
 * Memory is bounded by 64 KiB and twice the longest line.
 */
export class LineWindow {
  readonly #file: FileHandle;
  /** Holds `#held` bytes that begin at `#start` of the file. */
  #buffer = Buffer.allocUnsafe(PAGE_BYTES);
  #start = 0;
  #held = 0;
  #step = PAGE_BYTES;
  /** Bytes of the file. */
  readonly size: number;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  static async of(file: FileHandle): Promise<LineWindow> {
    return new LineWindow(file, (await file.stat()).size);
  }

  /**
   * A line without its newline, valid until the next one is asked for.
   *
   * @param offset - Where it begins.
   * @returns undefined if no newline ends it.
   */
  async lineAt(offset: number): Promise<Buffer | undefined> {
    const newline = await this.#newlineFrom(offset, this.size);
    return newline === undefined
      ? undefined
      : this.#buffer.subarray(offset - this.#start, newline - this.#start);
  }

  /** Where the first line begins of those that begin at `offset` or behind it, and before `end`; `offset` is not 0. */
  async nextStart(offset: number, end: number): Promise<number | undefined> {
    const newline = await this.#newlineFrom(offset - 1, end - 1);
    return newline === undefined ? undefined : newline + 1;
  }

  /** The place of the first newline from a place on, if there is one before `end`. */
  async #newlineFrom(offset: number, end: number): Promise<number | undefined> {
    if (offset < this.#start || offset > this.#start + this.#held) {
      this.#start = offset;
      this.#held = 0;
      this.#step = PAGE_BYTES;
    }
    for (let searched = offset; ;) {
      const found = this.#buffer.subarray(0, this.#held).indexOf(NEWLINE, searched - this.#start);
      if (found >= 0) return this.#start + found < end ? this.#start + found : undefined;
      searched = this.#start + this.#held;
      if (searched >= end || !(await this.#readOn(offset))) return undefined;
    }
  }

  /**
   * Reads what follows on what is held.
   *
   * @param offset - What lies before it is let go of.
   * @returns Whether anything follows.
   */
  async #readOn(offset: number): Promise<boolean> {
    this.#buffer.copyWithin(0, offset - this.#start, this.#held);
    this.#held -= offset - this.#start;
    this.#start = offset;
    const room = this.#buffer.length - this.#held;
    if (room < this.#step)
      this.#buffer = Buffer.concat([this.#buffer, Buffer.allocUnsafe(this.#held + this.#step - room)]);
    const { bytesRead } = await this.#file.read(this.#buffer, this.#held, this.#step, offset + this.#held);
    this.#held += bytesRead;
    this.#step = Math.min(2 * this.#step, MAX_STEP_BYTES);
    return bytesRead > 0;
  }
}
