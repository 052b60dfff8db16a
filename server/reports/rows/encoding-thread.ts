import { parentPort, workerData } from 'node:worker_threads';
import { ChunkTarget } from './chunk-target.ts';
import { RowEncoding, type RowForm } from './row-encoding.ts';

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

/** Entry of the thread that encodes rows for the one that made it, and ends with that. */
function main({ form, extra }: ThreadTask): void {
  const target = new ChunkTarget((bytes) => Buffer.from(new SharedArrayBuffer(bytes)));
  const encoding = new RowEncoding(form, extra, target);
  parentPort?.on('message', ({ rows, free }: ThreadRequest) => {
    for (const chunk of free) target.recycle(chunk);
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
