import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemCode } from '../../../errors.ts';

/** Bytes that are read before the process does something else, */
const TURN_BYTES = 4_194_304;
/** or time that passes, as a disk may be slow. */
const TURN_MS = 50;

interface OpenFile {
  readonly handle: Promise<FileHandle | undefined>;
  /** How many read from it. */
  readers: number;
}

/** Files that are read at many places in turn: those used last stay open, so many at most beside those in use. */
export class OpenFiles {
  readonly #limit: number;
  /** The one used last is the last one. */
  readonly #files = new Map<string, OpenFile>();
  #sinceTurn = 0;
  #turnedMs = performance.now();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Reads bytes of a file.
   *
   * @returns How many there are of those asked for; undefined if there is no file.
   */
  async read(path: string, buffer: Buffer, length: number, offset: number): Promise<number | undefined> {
    const file = this.#files.get(path) ?? { handle: openIfThere(path), readers: 0 };
    this.#files.delete(path);
    this.#files.set(path, file);
    file.readers++;
    try {
      const handle = await file.handle;
      if (handle === undefined) return undefined;
      await this.#turn(length);
      let held = 0;
      while (held < length) {
        const bytesRead = readSync(handle.fd, buffer, held, length - held, offset + held);
        if (bytesRead === 0) break;
        held += bytesRead;
      }
      return held;
    } finally {
      file.readers--;
      await this.#closeSurplus();
    }
  }

  /** Lets others have their turn now and then. */
  async #turn(bytes: number): Promise<void> {
    this.#sinceTurn += bytes;
    if (this.#sinceTurn < TURN_BYTES && performance.now() - this.#turnedMs < TURN_MS) return;
    await nextTurn();
    this.#sinceTurn = 0;
    this.#turnedMs = performance.now();
  }

  /** To be called when nobody reads any more. */
  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const { handle } of files) await (await handle)?.close();
  }

  async #closeSurplus(): Promise<void> {
    for (const [path, { handle, readers }] of this.#files) {
      if (this.#files.size <= this.#limit) return;
      if (readers > 0) continue;
      this.#files.delete(path);
      await (await handle)?.close();
    }
  }
}

/** @returns undefined if there is no file. */
export async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return undefined;
  }
}
