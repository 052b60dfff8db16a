import { Worker } from 'node:worker_threads';
import type { ThreadAnswer, ThreadRequest, ThreadTask } from './encoding-thread.ts';

interface Waiting {
  readonly resolve: (answer: ThreadAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that encodes rows, so that this one can read and write meanwhile. */
export class ThreadEncoder {
  readonly #thread: Worker;
  readonly #waiting: Waiting[] = [];
  #free: Uint8Array[] = [];
  #failure: Error | undefined;
  #isOnline = false;

  /** @param modulePath - The built entry, `encoding-thread.js`. */
  constructor(modulePath: string, task: ThreadTask) {
    this.#thread = new Worker(modulePath, {
      workerData: task,
      // It holds no more than buffers, which don't count.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    });
    this.#thread.once('online', () => (this.#isOnline = true));
    this.#thread.on('message', (answer: ThreadAnswer) => this.#waiting.shift()?.resolve(answer));
    this.#thread.once('error', (error) =>
      this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
    this.#thread.once('exit', () => this.#fail(new Error('the thread that encodes has ended')));
  }

  /** Whether it has started; what is asked before has to wait for that. */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** @param rows - Whole lines, in shared memory; not to be touched before the answer. */
  encode(rows: Uint8Array): Promise<ThreadAnswer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise<ThreadAnswer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      const request: ThreadRequest = { rows, free: this.#free };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
      this.#thread.postMessage(request);
      this.#free = [];
    });
  }

  /** Gives back what an answer has made. */
  recycle(made: Uint8Array): void {
    this.#free.push(made);
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
