import { readSync } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { writeAt } from '../../../write-at.ts';

/**
 * What does not fit in memory: a file without a name, which is gone when it is closed or the process ends.
 *
 * Nothing of it is flushed.
 */
export class ScratchFile {
  readonly #file: FileHandle;
  #length = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @throws Error `EEXIST` if there is a file. */
  static async create(path: string): Promise<ScratchFile> {
    const file = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new ScratchFile(file);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await writeAt(this.#file, bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Reads bytes, without letting others have their turn: nearly all are in memory still.
   *
   * @throws Error if there are not so many.
   */
  read(buffer: Buffer, length: number, offset: number): void {
    for (let held = 0; held < length;) {
      const bytesRead = readSync(this.#file.fd, buffer, held, length - held, offset + held);
      if (bytesRead === 0) throw new Error('the scratch file lost what was written to it');
      held += bytesRead;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
