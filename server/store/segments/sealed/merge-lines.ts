const RUN_BYTES = 65_536;

/** Lines of an input that are in order, valid until the next ones of it are asked for. */
export interface KeyedLines {
  readonly bytes: Buffer;
  /** At least one. */
  readonly count: number;
  /** Where each line begins; one more for the end. */
  readonly starts: Uint32Array;
  /** What each line is ordered by first. */
  readonly keys: Float64Array;
}

/**
 * Merges inputs whose lines are in order, a run of lines at a time.
 *
 * Lines that are equal come in the order of their inputs. Memory is bounded by what the inputs hold.
 *
 * @param compareTies - The order of two lines, without their newlines, that have the same key.
 * @param append - Gets the lines in order, with their newlines.
 */
export async function mergeLines(
  inputs: readonly AsyncGenerator<KeyedLines, void, undefined>[],
  compareTies: (a: Buffer, b: Buffer) => number,
  append: (lines: Buffer) => Promise<void>,
): Promise<void> {
  // In the order of their first lines.
  const cursors: Cursor[] = [];
  const insert = (cursor: Cursor): void => {
    const at = cursors.findIndex((other) => isBefore(cursor, other, compareTies));
    cursors.splice(at < 0 ? cursors.length : at, 0, cursor);
  };
  for (const [number, input] of inputs.entries()) {
    const cursor = new Cursor(input, number);
    if (await cursor.load()) insert(cursor);
  }
  const runs = new RunBuffer();
  for (;;) {
    const cursor = cursors.shift();
    if (cursor === undefined) break;
    const run = cursor.takeBelow(cursors[0]?.key ?? Infinity);
    if (!runs.add(run)) {
      if (!runs.isEmpty) await append(runs.take());
      if (!runs.add(run)) await append(run);
    }
    if (cursor.hasLines || (await cursor.load())) insert(cursor);
  }
  if (!runs.isEmpty) await append(runs.take());
}

/** Puts short runs together: where inputs overlap, each may be a single line. */
class RunBuffer {
  readonly #bytes = Buffer.allocUnsafeSlow(RUN_BYTES);
  #held = 0;

  get isEmpty(): boolean {
    return this.#held === 0;
  }

  /** Adds a run; returns false, and does not, if there is no room. */
  add(run: Buffer): boolean {
    if (this.#held + run.length > this.#bytes.length) return false;
    this.#bytes.set(run, this.#held);
    this.#held += run.length;
    return true;
  }

  /** All that was added, valid until more is. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#held);
    this.#held = 0;
    return taken;
  }
}

function isBefore(a: Cursor, b: Cursor, compareTies: (a: Buffer, b: Buffer) => number): boolean {
  if (a.key !== b.key) return a.key < b.key;
  const order = compareTies(a.line, b.line);
  return order < 0 || (order === 0 && a.input < b.input);
}

class Cursor {
  readonly input: number;
  readonly #source: AsyncGenerator<KeyedLines, void, undefined>;
  #lines: KeyedLines | undefined;
  #next = 0;

  constructor(source: AsyncGenerator<KeyedLines, void, undefined>, input: number) {
    this.#source = source;
    this.input = input;
  }

  /** Goes on to the input's next lines; returns whether there are any. */
  async load(): Promise<boolean> {
    const { value } = await this.#source.next();
    this.#lines = value ?? undefined;
    this.#next = 0;
    return this.hasLines;
  }

  get hasLines(): boolean {
    return this.#lines !== undefined && this.#next < this.#lines.count;
  }

  /** Of the first line that is not taken. */
  get key(): number {
    return this.#lines?.keys[this.#next] ?? Infinity;
  }

  get line(): Buffer {
    const { bytes, starts } = this.#held;
    return bytes.subarray(starts[this.#next], (starts[this.#next + 1] ?? 0) - 1);
  }

  /** Takes the first line, and those at hand behind it that have a lower key than `limit`. */
  takeBelow(limit: number): Buffer {
    const { bytes, count, starts, keys } = this.#held;
    const areAll = (keys[count - 1] ?? 0) < limit;
    const end = areAll ? count : firstNotBelow(keys, limit, this.#next + 1, count);
    const taken = bytes.subarray(starts[this.#next], starts[end]);
    this.#next = end;
    return taken;
  }

  get #held(): KeyedLines {
    if (this.#lines === undefined) throw new Error('there are no lines');
    return this.#lines;
  }
}

/** The first place from `start` on whose key is not below the limit; `end` if there is none. */
function firstNotBelow(keys: Float64Array, limit: number, start: number, end: number): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
