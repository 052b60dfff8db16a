import { SequentialFile } from '../sequential-file.ts';

const PIECE_BYTES = 1_048_576;

/** Writes a new file from first byte to last in large pieces, and makes it durable. */
export class PieceWriter {
  readonly #file: SequentialFile;
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #held = 0;

  private constructor(file: SequentialFile) {
    this.#file = file;
  }

  /**
   * Makes the file, readable by its owner alone; one that exists already is left alone.
   *
   * @throws Error with code `EEXIST` then.
   */
  static async create(path: string): Promise<PieceWriter> {
    return new PieceWriter(await SequentialFile.create(path));
  }

  /** Bytes appended so far. */
  get length(): number {
    return this.#file.length + this.#held;
  }

  /** Appends bytes; they may be changed once it has resolved. */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#piece.length - this.#held) await this.#flush();
    if (bytes.length > this.#piece.length) {
      await this.#file.write(bytes);
      return;
    }
    this.#piece.set(bytes, this.#held);
    this.#held += bytes.length;
  }

  /** Puts bytes in front of all that was appended: what is known only at the end. */
  async prepend(bytes: Uint8Array): Promise<void> {
    await this.#flush();
    await this.#file.prepend(bytes, this.#piece);
  }

  /** Resolves when all that was appended is durable; the file's name is the caller's matter. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#file.finish();
  }

  /** Lets go of the file after an error. */
  abandon(): Promise<void> {
    return this.#file.abandon();
  }

  async #flush(): Promise<void> {
    if (this.#held === 0) return;
    await this.#file.write(this.#piece.subarray(0, this.#held));
    this.#held = 0;
  }
}
