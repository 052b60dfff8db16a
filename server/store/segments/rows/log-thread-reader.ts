import { setImmediate as nextTurn } from 'node:timers/promises';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { viewOf } from '../../../words.ts';
import { newLogBuffer, type LogLines } from './log-reader.ts';
import {
  DONE,
  MAX_BAD_LINES,
  newLogThreadState,
  NO_BUFFER,
  PART,
  partOf,
  READY,
} from './log-thread-state.ts';
import type { LogThreadTask } from './log-thread.ts';

/** Lines, and where those begin whose checksum is not right; undefined if nobody knows. */
export interface CheckedLines {
  readonly lines: LogLines;
  readonly badLines: ReadonlySet<number> | undefined;
}

/** One is read to, one waits, and one is used. */
const BUFFERS = 3;
/** A thread that hands nothing over for so long is not waited for any more. */
const PATIENCE_MS = 5_000;
const SHORT_MS = 20;
/** Parts before the process does something else. */
const TURN_PARTS = 4;

/** Has log segments read, and their lines checked, by a thread that is ahead of whoever uses them. */
export class LogThreadReader {
  readonly #state = newLogThreadState();
  readonly #buffers: readonly Buffer[];
  readonly #thread: Worker;
  #isLost = false;
  #used = 0;

  /**
   * @param modulePath - The built entry, `log-thread.js`.
   * @param segments - All that will be asked for, in the same order.
   * @param chunkBytes - Bytes that are read at once.
   */
  constructor(modulePath: string, segments: LogThreadTask['segments'], chunkBytes: number) {
    this.#buffers = Array.from({ length: BUFFERS }, () => newLogBuffer(chunkBytes));
    const task: LogThreadTask = { segments, buffers: this.#buffers, state: this.#state };
    this.#thread = new Worker(modulePath, {
      workerData: task,
      env: SHARE_ENV,
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    });
    // Whoever uses the lines reads them without it.
    this.#thread.on('error', () => (this.#isLost = true));
  }

  /**
   * The whole lines from the beginning of a segment on, each valid until the next are asked for.
   *
   * They end with the segment, or before it where the thread can't go on: where lines are too long, something is
   * damaged, or the thread is.
   */
  async *read(segment: number): AsyncGenerator<CheckedLines, void, undefined> {
    while (await this.#isReady()) {
      const part = partOf(this.#state, this.#used);
      const bytes = this.#buffers[part[PART.buffer] ?? NO_BUFFER];
      if (part[PART.segment] === segment && bytes !== undefined) yield checkedLines(part, bytes);
      this.#used++;
      Atomics.store(this.#state.counters, DONE, this.#used);
      Atomics.notify(this.#state.counters, DONE);
      if (part[PART.segment] !== segment || bytes === undefined) return;
      if (this.#used % TURN_PARTS === 0) await nextTurn();
    }
  }

  /** Resolves when the thread has ended. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  /** Waits for the next part; for a short time without letting others have their turn, which takes longer. */
  async #isReady(): Promise<boolean> {
    const untilMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const ready = Atomics.load(this.#state.counters, READY);
      if (this.#isLost) return false;
      if (ready > this.#used) return true;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) this.#isLost = true;
      else if (Atomics.wait(this.#state.counters, READY, ready, SHORT_MS) === 'timed-out') await nextTurn();
    }
  }
}

function checkedLines(part: Float64Array, bytes: Buffer): CheckedLines {
  const [start = 0, length = 0, offset = 0, count = 0] = part.subarray(PART.start);
  const badLines =
    count > MAX_BAD_LINES ? undefined : new Set(part.subarray(PART.badLines, PART.badLines + count));
  return { lines: { bytes, view: viewOf(bytes), offset, start, length }, badLines };
}
