import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { FilePair } from '../batch-record.ts';
import type { BlockList } from './id-block-list.ts';
import { IdFileError } from './id-file-errors.ts';
import { readIdIndex, type IdIndex } from './id-index-file.ts';

/** Reads blocks of an id file, none unchecked. */
export class IdBlockReader {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #blocks: BlockList;
  readonly #length: number;

  private constructor(path: string, file: FileHandle, { blocks, bytes }: IdIndex) {
    this.#path = path;
    this.#file = file;
    this.#blocks = blocks;
    this.#length = bytes;
  }

  /**
   * Opens both files and reads the index.
   *
   * @throws IdIndexError if the index is missing or damaged; IdFileError if the id file has another length.
   */
  static async open(pair: FilePair): Promise<{ readonly reader: IdBlockReader; readonly index: IdIndex }> {
    const file = await open(pair.data, 'r');
    try {
      const index = await readIdIndex(pair.index);
      const { size } = await file.stat();
      if (size !== index.bytes) {
        const reason = `the file has ${size} bytes, but ${index.bytes} by its index`;
        throw new IdFileError(pair.data, Math.min(size, index.bytes), reason);
      }
      return { reader: new IdBlockReader(pair.data, file, index), index };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Where a block begins; behind the last one, where the file ends. */
  offset(index: number): number {
    return index < this.#blocks.count ? this.#blocks.get(index).offset : this.#length;
  }

  /**
   * The bytes of the blocks from `from` up to but not `to`.
   *
   * @throws IdFileError if they can't be read or are not what they were.
   */
  async read(from: number, to: number): Promise<Buffer> {
    const start = this.offset(from);
    const bytes = Buffer.allocUnsafe(this.offset(to) - start);
    await this.#fill(bytes, start);
    for (let index = from; index < to; index++) {
      const { offset, checksum } = this.#blocks.get(index);
      if (crc32(bytes.subarray(offset - start, this.offset(index + 1) - start)) !== checksum) {
        throw this.error(offset, 'the block is damaged');
      }
    }
    return bytes;
  }

  /** The error that says what is wrong with the file. */
  error(offset: number, reason: string, cause?: unknown): IdFileError {
    return new IdFileError(this.#path, offset, reason, cause);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #fill(bytes: Buffer, start: number): Promise<void> {
    for (let read = 0; read < bytes.length;) {
      const { bytesRead } = await this.#readSome(bytes, read, start);
      if (bytesRead === 0) throw this.error(start + read, 'the file ends too early');
      read += bytesRead;
    }
  }

  async #readSome(bytes: Buffer, read: number, start: number): Promise<{ readonly bytesRead: number }> {
    try {
      return await this.#file.read(bytes, read, bytes.length - read, start + read);
    } catch (error) {
      throw this.error(start + read, 'the file can not be read', error);
    }
  }
}
