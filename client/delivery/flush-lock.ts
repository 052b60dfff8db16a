import type { Platform } from './platform.ts';

/** How long a flush waits for another one, in any tab or worker, before it goes ahead. */
export const LOCK_WAIT_MS = 5_000;

/** The part of the Web Locks API that is used. */
export interface Locks {
  request(name: string, options: { signal: AbortSignal }, callback: () => Promise<void>): Promise<unknown>;
}

/**
 * Runs the task while no other flusher of this origin runs, if that can be had within `LOCK_WAIT_MS`.
 *
 * The lock saves requests, and tells that another's lease has ended with its life. What keeps batches from being mixed
 * up is their lease: a frozen tab can hold a lock for ever, and many browsers have none.
 */
export async function withFlushLock<Result>(
  locks: Locks | undefined,
  name: string,
  platform: Platform,
  task: (isLocked: boolean) => Promise<Result>,
): Promise<Result> {
  if (!locks) return task(false);
  let result: Promise<Result> | undefined;
  const controller = new AbortController();
  const cancel = platform.after(LOCK_WAIT_MS, () => controller.abort());
  try {
    await locks.request(name, { signal: controller.signal }, async () => {
      cancel();
      result = task(true);
      await result;
    });
  } catch {
    // Either the wait was too long, or the task's own error, which `result` throws again below.
  } finally {
    cancel();
  }
  return result ?? task(false);
}
