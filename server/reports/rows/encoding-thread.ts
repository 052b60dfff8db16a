import { parentPort, workerData } from 'node:worker_threads';
import { viewOf, WORD_SLACK_BYTES } from '../../store/segments/sealed/words.ts';
import { RowEncoding, type ByteTarget, type RowForm } from './row-encoding.ts';

/** What the thread is made for. */
export interface ThreadTask {
  readonly form: RowForm;
  readonly extra: number;
}

/** What it is told: to encode whole lines. All bytes are in shared memory. */
export interface ThreadRequest {
  readonly rows: Uint8Array;
  /** What it has made before, and nobody needs any more. */
  readonly free: readonly Uint8Array[];
}

/** What it answers each request, in their order. */
export interface ThreadAnswer {
  /** What has become of the lines, in order. */
  readonly made: readonly Uint8Array[];
  /** How many rows that were. */
  readonly rows: number;
  readonly neededExtra: number;
}

const BUFFER_BYTES = 524_288;

/** Buffers in shared memory, filled one after the other. */
class SharedTarget implements ByteTarget {
  readonly #free: Buffer[] = [];
  #buffer = allocate(BUFFER_BYTES);
  #made: Buffer[] = [];
  view: DataView = viewOf(this.#buffer);
  length = 0;

  reserve(bytes: number): void {
    if (this.length + bytes <= this.#buffer.length) return;
    this.#end();
    this.#begin(bytes);
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    this.reserve(bytes.length + WORD_SLACK_BYTES);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Takes what has been filled. */
  take(): readonly Buffer[] {
    this.#end();
    this.#begin(BUFFER_BYTES);
    const made = this.#made;
    this.#made = [];
    return made;
  }

  /** Gives back what was taken. */
  recycle(free: readonly Uint8Array[]): void {
    for (const { buffer } of free)
      if (buffer.byteLength === BUFFER_BYTES) this.#free.push(Buffer.from(buffer));
  }

  #end(): void {
    if (this.length > 0) this.#made.push(this.#buffer.subarray(0, this.length));
    else if (this.#buffer.length === BUFFER_BYTES) this.#free.push(this.#buffer);
    this.length = 0;
  }

  #begin(bytes: number): void {
    this.#buffer =
      (bytes <= BUFFER_BYTES ? this.#free.pop() : undefined) ?? allocate(Math.max(bytes, BUFFER_BYTES));
    this.view = viewOf(this.#buffer);
  }
}

function allocate(bytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(bytes));
}

/** Entry of the thread that encodes rows for the one that made it, and ends with that. */
function main({ form, extra }: ThreadTask): void {
  const target = new SharedTarget();
  const encoding = new RowEncoding(form, extra, target);
  parentPort?.on('message', ({ rows, free }: ThreadRequest) => {
    target.recycle(free);
    const before = encoding.rows;
    encoding.encode(Buffer.from(rows.buffer), rows.byteOffset, rows.byteOffset + rows.length);
    const { neededExtra } = encoding;
    const answer: ThreadAnswer = { made: target.take(), rows: encoding.rows - before, neededExtra };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    parentPort?.postMessage(answer);
  });
}

// It is made by `ThreadEncoder` alone, with nothing else.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
main(workerData as ThreadTask);
