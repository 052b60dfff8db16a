import type { Clock } from './clock.ts';

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 30_000;

/** Does the work until it succeeds, ever more seldom: at most half a minute lies between two attempts. */
export async function persist<Result>(
  work: (attempt: number) => Result | Promise<Result>,
  clock: Clock,
): Promise<Result> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(attempt);
    } catch {
      await new Promise<void>((resolve) => {
        clock.after(Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 4 ** attempt), resolve);
      });
    }
  }
}
