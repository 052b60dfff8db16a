import { DEBOUNCE_MS, type FlushReport, type FlushWish, QUEUE_NAME } from '../../shared/worker-api.ts';
import { announce, openChannel } from '../delivery/announce.ts';
import { browserPlatform } from '../delivery/browser-platform.ts';
import { createFlusher } from '../delivery/flusher.ts';
import { createDeliveryQueue } from '../queue/create-delivery-queue.ts';
import { createIdbStorage } from '../queue/idb-storage.ts';
import { requestSync } from './background-sync.ts';

// Nothing here is state of the queue: a worker forgets its globals whenever the browser likes.
const channel = openChannel();
const platform = browserPlatform();
const flusher = createFlusher({
  queue: createDeliveryQueue(createIdbStorage(QUEUE_NAME)),
  platform,
  locks: navigator.locks,
  lockName: QUEUE_NAME,
  onAnswer: (endpoint, done, holdUntil) => announce(channel, { endpoint, done: done ?? null, holdUntil }),
});

/** A wait that ends within this time is sat out: there may be no tab left to come back. */
const SHORT_WAIT_MS = 10_000;

/** What a busy page's timer may be late. */
const GRACE_MS = 500;

/** Browsers end a worker that has been kept alive for much longer. */
const STAY_MS = 25_000;

/** Longest wait for the browser to take a sync down. */
const SYNC_LIMIT_MS = 1_000;

/** How often a flush was asked for in this worker's life by somebody who goes on from there. */
let askedCount = 0;

export async function flush(wish: FlushWish): Promise<FlushReport> {
  askedCount++;
  const report = await flusher.flush(wish);
  if (report.silent) await Promise.race([requestSync(), wait(SYNC_LIMIT_MS)]);
  return report;
}

/** For a sync event, which must not ask for another. */
export function flushOnSync(): Promise<FlushReport> {
  return flusher.flush({ urgent: true });
}

/** For a page that has stored events: if it lives, it asks in time, and nothing is sent twice as often. */
export async function flushUnlessAsked(): Promise<void> {
  const before = askedCount;
  await wait(DEBOUNCE_MS + GRACE_MS);
  if (askedCount === before) await flushOn(await flush({ urgent: false }));
}

/** For a page on its way out: it may still have been writing when the first run looked. */
export async function flushForLeaver(): Promise<void> {
  await flush({ urgent: false });
  await wait(500);
  await flushOn(await flush({ urgent: false }));
}

/** Goes on after a first run while the next one is near, unless somebody else asks meanwhile. */
export async function flushOn(first: FlushReport): Promise<void> {
  const endAt = platform.now() + STAY_MS;
  let report = first;
  for (;;) {
    const now = platform.now();
    if (report.dueAt === null || report.dueAt > now + SHORT_WAIT_MS || report.dueAt > endAt) return;
    const before = askedCount;
    // With room, so that a time that is due but leads to nothing can't become a hot loop.
    await wait(Math.max(report.dueAt - now, DEBOUNCE_MS));
    // Of two that go on, one is enough; with one for each call of a busy page, requests would come ever faster.
    if (platform.now() > endAt || askedCount !== before) return;
    report = await flush({ urgent: false });
  }
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    platform.after(delayMs, resolve);
  });
}
