import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { writeAt } from '../../write-at.ts';
import type { ByteSink, SunkBytes } from './byte-sink.ts';

/** Writes to a file, from its beginning. */
export class FileSink implements ByteSink {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  /** @param file - Open for writing for as long as this is. */
  constructor(file: FileHandle) {
    this.#file = file;
  }

  put(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    const position = this.#bytes;
    this.#bytes += bytes.length;
    return writeAt(this.#file, bytes, position);
  }

  end(): Promise<SunkBytes> {
    return Promise.resolve({ bytes: this.#bytes, sha256: this.#hash.digest('hex') });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
