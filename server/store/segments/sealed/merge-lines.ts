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

/** The order of lines that have the same key. */
export interface TieOrder<Tie> {
  /** What a line, without its newline, is compared by. */
  tieOf(line: Buffer): Tie;
  compare(a: Tie, b: Tie): number;
}

/**
 * Merges inputs whose lines are in order, a run of lines at a time.
 *
 * Lines that are equal come in the order of their inputs. Memory is bounded by what the inputs hold.
 *
 * @param ties - Asked once for each line at which inputs meet with the same key: senders may give all of their events
 *   one time.
 * @param append - Gets the lines in order, with their newlines.
 */
export async function mergeLines<Tie>(
  inputs: readonly AsyncGenerator<KeyedLines, void, undefined>[],
  ties: TieOrder<Tie>,
  append: (lines: Buffer) => Promise<void>,
): Promise<void> {
  // In the order of their first lines.
  const cursors: Cursor<Tie>[] = [];
  const insert = (cursor: Cursor<Tie>): void => {
    const at = cursors.findIndex((other) => isBefore(cursor, other, ties));
    cursors.splice(at < 0 ? cursors.length : at, 0, cursor);
  };
  for (const [number, input] of inputs.entries()) {
    const cursor = new Cursor(input, number, ties);
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

function isBefore<Tie>(a: Cursor<Tie>, b: Cursor<Tie>, ties: TieOrder<Tie>): boolean {
  if (a.key !== b.key) return a.key < b.key;
  const order = ties.compare(a.tie, b.tie);
  return order < 0 || (order === 0 && a.input < b.input);
}

class Cursor<Tie> {
  readonly input: number;
  readonly #source: AsyncGenerator<KeyedLines, void, undefined>;
  readonly #ties: TieOrder<Tie>;
  #lines: KeyedLines | undefined;
  #next = 0;
  /** Of the first line that is not taken, if anybody has asked for it. */
  #tie: readonly [Tie] | undefined;

  constructor(source: AsyncGenerator<KeyedLines, void, undefined>, input: number, ties: TieOrder<Tie>) {
    this.#source = source;
    this.input = input;
    this.#ties = ties;
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

  get tie(): Tie {
    if (this.#tie === undefined) {
      const { bytes, starts } = this.#held;
      const line = bytes.subarray(starts[this.#next], (starts[this.#next + 1] ?? 0) - 1);
      this.#tie = [this.#ties.tieOf(line)];
    }
    return this.#tie[0];
  }

  /** Takes the first line, and those at hand behind it that have a lower key than `limit`. */
  takeBelow(limit: number): Buffer {
    const { bytes, count, starts, keys } = this.#held;
    const areAll = (keys[count - 1] ?? 0) < limit;
    const end = areAll ? count : firstNotBelow(keys, limit, this.#next + 1, count);
    const taken = bytes.subarray(starts[this.#next], starts[end]);
    this.#next = end;
    this.#tie = undefined;
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
