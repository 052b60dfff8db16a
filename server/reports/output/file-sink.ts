import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { writeAt } from '../../write-at.ts';
import type { ByteSink, SunkBytes } from './byte-sink.ts';

/** Writes to a file, from its beginning. */
export class FileSink implements ByteSink {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  put(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    const position = this.#bytes;
    this.#bytes += bytes.length;
    const before = this.#last;
    this.#last = (async () => {
      await before;
      await writeAt(this.#file, bytes, position);
    })();
    return this.#last;
  }

  async end(): Promise<SunkBytes> {
    await this.#last;
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
  }
}
