import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { ByteSink, SunkBytes } from './byte-sink.ts';

/**
 * Writes to a file, from its beginning.
 *
 * Without a thread for each write, which would only take the processor from those that encode: what is written goes
 * to the page cache.
 */
export class FileSink implements ByteSink {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  /** @param file - Open for writing for as long as this is. */
  constructor(file: FileHandle) {
    this.#file = file;
  }

  put(bytes: Uint8Array): undefined {
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length;) {
      const written = writeSync(this.#file.fd, bytes, at, bytes.length - at, this.#bytes + at);
      if (written === 0) throw new Error('the file took no more bytes');
      at += written;
    }
    this.#bytes += bytes.length;
  }

  end(): Promise<SunkBytes> {
    return Promise.resolve({ bytes: this.#bytes, sha256: this.#hash.digest('hex') });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
