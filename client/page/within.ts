import type { Clock } from './clock.ts';

/** The promise's value, or undefined if it has none in time. What it does goes on all the same. */
export function within<Value>(
  promise: Promise<Value>,
  limitMs: number,
  clock: Clock,
): Promise<Value | undefined> {
  const limit = new Promise<undefined>((resolve) => {
    clock.after(limitMs, () => resolve(undefined));
  });
  return Promise.race([promise, limit]);
}
