import { SHARE_ENV, Worker } from 'node:worker_threads';
import { DIGEST } from './digest-state.ts';
import type { DigestTask } from './digest-thread.ts';

/** The SHA-256 of a file, by a thread that reads it as it is written. */
export class ThreadDigest {
  readonly #state = new BigInt64Array(new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT));
  readonly #thread: Worker;
  readonly #digest: Promise<string>;

  /**
   * @param modulePath - The built entry, `digest-thread.js`.
   * @param file - A descriptor that is open for reading until this one is closed.
   */
  constructor(modulePath: string, file: number) {
    const task: DigestTask = { file, state: this.#state };
    this.#thread = new Worker(modulePath, {
      workerData: task,
      env: SHARE_ENV,
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    });
    this.#digest = new Promise((resolve, reject) => {
      this.#thread.once('message', (digest) => resolve(String(digest)));
      this.#thread.once('error', reject);
      this.#thread.once('exit', () => reject(new Error('the thread that makes the checksum has ended')));
    });
    // Whoever asks for it is told.
    this.#digest.catch(() => undefined);
  }

  /** Whether it has started, which takes as long as the checksum of many megabytes. */
  get hasBegun(): boolean {
    return Atomics.load(this.#state, DIGEST.begun) === 1n;
  }

  /** Lets it read on, up to byte `end`. */
  advance(end: number): void {
    this.#tell(BigInt(end));
  }

  /** Resolves to the checksum of the `length` bytes of the file, in hex. */
  end(length: number): Promise<string> {
    this.#tell(-BigInt(length) - 1n);
    return this.#digest;
  }

  /** Resolves when nobody reads the file any more. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #tell(written: bigint): void {
    Atomics.store(this.#state, DIGEST.written, written);
    Atomics.notify(this.#state, DIGEST.written);
  }
}
