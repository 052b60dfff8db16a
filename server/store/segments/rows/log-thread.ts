import { workerData } from 'node:worker_threads';
import { hasChecksum } from '../sealed/line-scanner.ts';
import { readLogLines, type LogLines } from './log-reader.ts';
import {
  DONE,
  MAX_BAD_LINES,
  NO_BUFFER,
  PART,
  partOf,
  READY,
  type LogThreadState,
} from './log-thread-state.ts';
import { openIfThere } from './open-files.ts';

/** What the thread is made for. */
export interface LogThreadTask {
  /** What is read, in this order. */
  readonly segments: readonly {
    /** Whatever tells it from others. */
    readonly number: number;
    readonly path: string;
    readonly length: number;
  }[];
  /** What it is read to, in turn; in shared memory, as the state. */
  readonly buffers: readonly Uint8Array[];
  readonly state: LogThreadState;
}

const NEWLINE = 0x0a;

/** Entry of the thread that reads log segments and checks their lines for the one that made it, and ends then. */
async function main({ segments, buffers, state }: LogThreadTask): Promise<void> {
  const parts = new PartWriter(
    buffers.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
    state,
  );
  for (const { number, path, length } of segments) {
    try {
      const file = await openIfThere(path);
      for await (const lines of file === undefined ? [] : readLogLines(file, 0, length, parts.takeBuffer)) {
        if (!parts.addLines(number, lines)) break;
      }
    } catch {
      // Whoever reads on finds the error, and says so.
    }
    parts.addEnd(number);
  }
}

/** Hands over lines in buffers, each of which belongs to one part at a time. */
class PartWriter {
  readonly #buffers: readonly Buffer[];
  readonly #state: LogThreadState;
  #added = 0;

  constructor(buffers: readonly Buffer[], state: LogThreadState) {
    this.#buffers = buffers;
    this.#state = state;
  }

  /** The buffer of the next part, once nobody uses it any more. */
  readonly takeBuffer = (): Buffer => {
    const { counters } = this.#state;
    const count = this.#buffers.length;
    for (;;) {
      const done = Atomics.load(counters, DONE);
      if (done > this.#added - count) return this.#buffers[this.#added % count] ?? Buffer.alloc(0);
      Atomics.wait(counters, DONE, done);
    }
  };

  /** Returns false for lines that are in no buffer, since one of them was too long. */
  addLines(segment: number, lines: LogLines): boolean {
    const buffer = this.#buffers.indexOf(lines.bytes);
    if (buffer < 0) return false;
    const part = partOf(this.#state, this.#added);
    part[PART.segment] = segment;
    part[PART.buffer] = buffer;
    part[PART.start] = lines.start;
    part[PART.length] = lines.length;
    part[PART.offset] = lines.offset;
    part[PART.badCount] = findBadLines(lines, part.subarray(PART.badLines));
    this.#handOver();
    return true;
  }

  /** Says that no more of a segment will be handed over. */
  addEnd(segment: number): void {
    // So that it does not write to a part that nobody has looked at.
    this.takeBuffer();
    const part = partOf(this.#state, this.#added);
    part[PART.segment] = segment;
    part[PART.buffer] = NO_BUFFER;
    this.#handOver();
  }

  #handOver(): void {
    this.#added++;
    Atomics.store(this.#state.counters, READY, this.#added);
    Atomics.notify(this.#state.counters, READY);
  }
}

/** Returns how many lines have no checksum that is right, and puts where the first ones begin into a list. */
function findBadLines(lines: LogLines, found: Float64Array): number {
  const { bytes, start, length } = lines;
  let count = 0;
  for (let at = start; at < length;) {
    const newline = bytes.indexOf(NEWLINE, at);
    if (!hasChecksum(lines, at, newline)) {
      if (count < MAX_BAD_LINES) found[count] = at;
      count++;
    }
    at = newline + 1;
  }
  return count;
}

// It is made by `LogThreadReader` alone, with nothing else.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
await main(workerData as LogThreadTask);
