import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { systemCode } from '../../errors.ts';
import type { ThreadAnswer, ThreadRequest } from './thread-sink.ts';

/** Entry of the thread that hashes and writes a report: answers each request once, and ends with its owner. */
function main(file: number): void {
  const hash = createHash('sha256');
  let bytes = 0;
  const put = (piece: Uint8Array): void => {
    hash.update(piece);
    for (let at = 0; at < piece.length;) {
      const written = writeSync(file, piece, at, piece.length - at, bytes + at);
      if (written === 0) throw new Error('the file took no more bytes');
      at += written;
    }
    bytes += piece.length;
  };
  const carryOut = (request: ThreadRequest): ThreadAnswer => {
    try {
      if ('end' in request) return { sunk: { bytes, sha256: hash.digest('hex') } };
      put(request.put);
      return { done: true };
    } catch (error) {
      const message = error instanceof Error ? error.message : 'it did not work';
      return { failed: { code: systemCode(error), message } };
    }
  };
  parentPort?.on('message', (request: ThreadRequest) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    parentPort?.postMessage(carryOut(request));
  });
}

if (typeof workerData === 'number') main(workerData);
