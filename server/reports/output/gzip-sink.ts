import { createGzip, type Gzip } from 'node:zlib';
import type { ByteSink, SunkBytes } from './byte-sink.ts';

/** Beyond this level a file gets little smaller, and takes much longer. */
const LEVEL = 4;
const CHUNK_BYTES = 262_144;

/** Compresses what it passes on (RFC 1952); Node does so in a thread of its own. */
export class GzipSink implements ByteSink {
  readonly #gzip: Gzip;
  readonly #sink: ByteSink;
  readonly #passedOn: Promise<void>;
  /** Of those who wait to put. */
  readonly #refusals = new Set<(error: unknown) => void>();

  constructor(sink: ByteSink) {
    this.#sink = sink;
    this.#gzip = createGzip({ level: LEVEL, chunkSize: CHUNK_BYTES });
    this.#passedOn = this.#passOn();
    // Whoever puts is told, and whoever ends by the promise itself.
    this.#passedOn.catch(() => undefined);
  }

  put(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#refusals.add(reject);
      this.#gzip.write(bytes, (error) => {
        this.#refusals.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  async end(): Promise<SunkBytes> {
    this.#gzip.end();
    await this.#passedOn;
    return this.#sink.end();
  }

  async close(): Promise<void> {
    this.#gzip.destroy();
    await this.#passedOn.catch(() => undefined);
    await this.#sink.close();
  }

  async #passOn(): Promise<void> {
    try {
      // What is thrown in the loop destroys the stream.
      for await (const chunk of this.#gzip) {
        // A stream of bytes gives nothing else.
        if (Buffer.isBuffer(chunk)) await this.#sink.put(chunk);
      }
    } catch (error) {
      // A stream that is destroyed while it waits for a reader says nothing to those whose bytes it has.
      for (const refuse of this.#refusals) refuse(error);
      throw error;
    }
  }
}
