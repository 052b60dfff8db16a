import { open, type FileHandle } from 'node:fs/promises';
import { writeAt } from '../../../write-at.ts';

const PIECE_BYTES = 1_048_576;
/** So little waits for a flush at any time that the last one does not hold up others' flushes. */
const SYNC_BYTES = 8 * 1_048_576;

/** Writes a new file from first byte to last in large pieces, and makes it durable. */
export class PieceWriter {
  readonly #file: FileHandle;
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #held = 0;
  #written = 0;
  #synced = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Makes the file, readable by its owner alone; one that exists already is left alone.
   *
   * @throws Error with code `EEXIST` then.
   */
  static async create(path: string): Promise<PieceWriter> {
    return new PieceWriter(await open(path, 'wx+', 0o600));
  }

  /** Bytes appended so far. */
  get length(): number {
    return this.#written + this.#held;
  }

  /** Appends bytes; they may be changed once it has resolved. */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#piece.length - this.#held) await this.#flush();
    if (bytes.length > this.#piece.length) {
      await this.#write(bytes);
      return;
    }
    this.#piece.set(bytes, this.#held);
    this.#held += bytes.length;
  }

  /** Puts bytes in front of all that was appended: what is known only at the end. */
  async prepend(bytes: Uint8Array): Promise<void> {
    await this.#flush();
    for (let end = this.#written; end > 0;) {
      const start = Math.max(0, end - PIECE_BYTES);
      for (let at = start; at < end;) {
        const { bytesRead } = await this.#file.read(this.#piece, at - start, end - at, at);
        if (bytesRead === 0) throw new Error('the file lost what was written to it');
        at += bytesRead;
      }
      await writeAt(this.#file, this.#piece.subarray(0, end - start), start + bytes.length);
      end = start;
    }
    await writeAt(this.#file, bytes, 0);
    this.#written += bytes.length;
  }

  /** Resolves when all that was appended is durable; the file's name is the caller's matter. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#file.sync();
    await this.#file.close();
  }

  /** Lets go of the file after an error. */
  async abandon(): Promise<void> {
    // The first error is the one to tell.
    await this.#file.close().catch(() => undefined);
  }

  async #flush(): Promise<void> {
    if (this.#held === 0) return;
    await this.#write(this.#piece.subarray(0, this.#held));
    this.#held = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await writeAt(this.#file, bytes, this.#written);
    this.#written += bytes.length;
    if (this.#written - this.#synced < SYNC_BYTES) return;
    await this.#file.datasync();
    this.#synced = this.#written;
  }
}
