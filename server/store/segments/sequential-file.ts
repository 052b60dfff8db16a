import { open, type FileHandle } from 'node:fs/promises';
import { writeAt } from '../../write-at.ts';

/** A flush of more would hold up the flushes of others on the same disk. */
const FLUSH_BYTES = 8 * 1024 * 1024;

/** A file that is written from its beginning to its end and flushed as it grows, readable by its owner alone. */
export class SequentialFile {
  readonly #file: FileHandle;
  #length = 0;
  #flushed = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param mode - `wx+` refuses a file that exists, with an error of code `EEXIST`; `w` writes over it. */
  static async create(path: string, mode: 'wx+' | 'w' = 'wx+'): Promise<SequentialFile> {
    return new SequentialFile(await open(path, mode, 0o600));
  }

  get length(): number {
    return this.#length;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await writeAt(this.#file, bytes, this.#length);
    this.#length += bytes.length;
    if (this.#length - this.#flushed < FLUSH_BYTES) return;
    await this.#file.datasync();
    this.#flushed = this.#length;
  }

  /**
   * Puts bytes in front of all that was written: what is known only at the end.
   *
   * @param piece - Is overwritten; as much is moved at once.
   */
  async prepend(bytes: Uint8Array, piece: Buffer): Promise<void> {
    for (let end = this.#length; end > 0;) {
      const start = Math.max(0, end - piece.length);
      for (let at = start; at < end;) {
        const { bytesRead } = await this.#file.read(piece, at - start, end - at, at);
        if (bytesRead === 0) throw new Error('the file lost what was written to it');
        at += bytesRead;
      }
      await writeAt(this.#file, piece.subarray(0, end - start), start + bytes.length);
      end = start;
    }
    await writeAt(this.#file, bytes, 0);
    this.#length += bytes.length;
  }

  /** Resolves when the contents are durable; the name is only when its directory has been flushed. */
  async finish(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
  }

  /** Lets go of the file, whatever became of it. */
  async abandon(): Promise<void> {
    try {
      await this.#file.close();
    } catch {
      // Nobody counts on what was written; what went wrong before is what matters.
    }
  }
}
