/** A range of timestamps, both ends included. */
export type TimeRange = readonly [from: number, to: number];

/** Times nearer to one another than this are not worth being told apart. */
const NEAR_MS = 86_400_000;

/** A few ranges that cover all times that were added, and as little else as so few of them can. */
export class TimeRanges {
  readonly #limit: number;
  /** In order; none is near another. */
  readonly #ranges: [from: number, to: number][] = [];
  #last: TimeRange = [Infinity, -Infinity];

  /** @param limit - How many ranges there may be; at least one. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(time: number): void {
    // Times mostly come in order, and near one another.
    if (time >= this.#last[0] && time <= this.#last[1]) return;
    const found = this.#ranges.findIndex(([, to]) => time <= to + NEAR_MS);
    const at = found < 0 ? this.#ranges.length : found;
    const range = this.#ranges[at];
    if (range === undefined || time < range[0] - NEAR_MS) {
      this.#ranges.splice(at, 0, [time, time]);
      if (this.#ranges.length > this.#limit) this.#join(this.#nearestPair());
    } else {
      range[0] = Math.min(range[0], time);
      range[1] = Math.max(range[1], time);
      this.#last = range;
      const next = this.#ranges[at + 1];
      if (next !== undefined && next[0] <= range[1] + NEAR_MS) this.#join(at);
    }
  }

  /** In order. */
  get ranges(): readonly TimeRange[] {
    return this.#ranges.map(([from, to]) => [from, to] as const);
  }

  /** The place of the range that has the smallest gap behind it. */
  #nearestPair(): number {
    let nearest = 0;
    let smallest = Infinity;
    for (let at = 0; at + 1 < this.#ranges.length; at++) {
      const gap = (this.#ranges[at + 1]?.[0] ?? Infinity) - (this.#ranges[at]?.[1] ?? 0);
      if (gap < smallest) [nearest, smallest] = [at, gap];
    }
    return nearest;
  }

  /** Makes one of the range at a place and the one behind it. */
  #join(at: number): void {
    const range = this.#ranges[at];
    const [next] = this.#ranges.splice(at + 1, 1);
    if (range !== undefined && next !== undefined) range[1] = Math.max(range[1], next[1]);
  }
}
