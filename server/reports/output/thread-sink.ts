import type { FileHandle } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { ByteSink, SunkBytes } from './byte-sink.ts';

/** What the thread is told: to write bytes, in shared memory, or to say what has come of them all. */
export type ThreadRequest = { readonly put: Uint8Array } | { readonly end: true };

/** What it answers each request, in their order. */
export type ThreadAnswer =
  | { readonly done: true }
  | { readonly failed: { readonly code: string | undefined; readonly message: string } }
  | { readonly sunk: SunkBytes };

interface Waiting {
  readonly resolve: (answer: ThreadAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Hashes and writes in a thread of its own, so that rows are converted meanwhile. */
export class ThreadSink implements ByteSink {
  readonly #thread: Worker;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;

  /**
   * @param file - Open for writing, from its beginning, for as long as this is.
   * @param modulePath - The built entry, `output-thread.js`.
   */
  constructor(file: FileHandle, modulePath: string) {
    this.#thread = new Worker(modulePath, {
      workerData: file.fd,
      // It holds no more than a hash.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
    });
    this.#thread.on('message', (answer: ThreadAnswer) => this.#waiting.shift()?.resolve(answer));
    this.#thread.once('error', (error) =>
      this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
    this.#thread.once('exit', () => this.#fail(new Error('the thread that writes has ended')));
  }

  /** @param bytes - In shared memory. */
  async put(bytes: Buffer): Promise<void> {
    await this.#ask({ put: bytes });
  }

  async end(): Promise<SunkBytes> {
    const answer = await this.#ask({ end: true });
    await this.#thread.terminate();
    if (!('sunk' in answer)) throw new Error('the thread that writes has lost its place');
    return answer.sunk;
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  async #ask(request: ThreadRequest): Promise<ThreadAnswer> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = await new Promise<ThreadAnswer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
      this.#thread.postMessage(request);
    });
    if ('failed' in answer) {
      const { code, message } = answer.failed;
      throw Object.assign(new Error(message), code === undefined ? {} : { code });
    }
    return answer;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
