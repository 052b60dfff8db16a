import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** What the thread is made for. */
export interface DigestTask {
  /** Of the file, open for reading for as long as the thread is. */
  readonly file: number;
  /**
   * In shared memory, one number, on a change of which the thread is woken: the bytes of the file that have been written;
   * once there will be no more, less than zero by one more than those.
   */
  readonly written: BigInt64Array<SharedArrayBuffer>;
}

const READ_BYTES = 262_144;

/** Entry of the thread that answers with the SHA-256 of a file, in hex, and reads it as it is written. */
function main({ file, written }: DigestTask): void {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let read = 0;
  for (;;) {
    const state = Atomics.load(written, 0);
    const end = Number(state < 0n ? -state - 1n : state);
    if (read < end) {
      const bytes = readSync(file, buffer, 0, Math.min(READ_BYTES, end - read), read);
      if (bytes === 0) throw new Error('the file is shorter than what was written to it');
      hash.update(buffer.subarray(0, bytes));
      read += bytes;
    } else if (state < 0n) break;
    else Atomics.wait(written, 0, state);
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
  parentPort?.postMessage(hash.digest('hex'));
}

// It is made by `ThreadDigest` alone, with nothing else.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
main(workerData as DigestTask);
