import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { DIGEST } from './digest-state.ts';

/** What the thread is made for. */
export interface DigestTask {
  /** Of the file, open for reading for as long as the thread is. */
  readonly file: number;
  /** In shared memory; `DIGEST` says what its numbers are. */
  readonly state: BigInt64Array<SharedArrayBuffer>;
}

const READ_BYTES = 262_144;

/** Entry of the thread that answers with the SHA-256 of a file, in hex, and reads it as it is written. */
function main({ file, state }: DigestTask): void {
  Atomics.store(state, DIGEST.begun, 1n);
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let read = 0;
  for (;;) {
    const written = Atomics.load(state, DIGEST.written);
    const end = Number(written < 0n ? -written - 1n : written);
    if (read < end) {
      const bytes = readSync(file, buffer, 0, Math.min(READ_BYTES, end - read), read);
      if (bytes === 0) throw new Error('the file is shorter than what was written to it');
      hash.update(buffer.subarray(0, bytes));
      read += bytes;
    } else if (written < 0n) break;
    else Atomics.wait(state, DIGEST.written, written);
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
  parentPort?.postMessage(hash.digest('hex'));
}

// It is made by `ThreadDigest` alone, with nothing else.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
main(workerData as DigestTask);
