/** Time, handed in so that tests decide about it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back once, later. @returns What cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
