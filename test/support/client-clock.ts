import type { Clock } from '../../client/page/clock.ts';
import type { Platform } from '../../client/delivery/platform.ts';
import { sha1 } from '../../client/delivery/sha1.ts';
import { NOW } from './client-queue.ts';

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Time that stands still until it is told to go on. */
export class FakeClock implements Clock {
  nowMs = NOW;
  readonly #timers = new Set<Timer>();

  now = (): number => this.nowMs;

  after = (delayMs: number, callback: () => void): (() => void) => {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Goes on, calling back in order, and lets promises run in between. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.nowMs + byMs;
    for (;;) {
      await settle();
      const [next] = [...this.#timers]
        .filter((timer) => timer.atMs <= endMs)
        .toSorted((left, right) => left.atMs - right.atMs);
      if (!next) break;
      this.#timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = endMs;
  }
}

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A platform on a fake clock whose network is a function. */
export function fakePlatform(clock: FakeClock, fetch: Platform['fetch']): Platform {
  return {
    fetch,
    now: clock.now,
    after: clock.after,
    random: () => 0.5,
    gzip: () => Promise.resolve(undefined),
    sha1: (bytes) => Promise.resolve(sha1(bytes)),
  };
}
