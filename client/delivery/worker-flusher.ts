import { DEBOUNCE_MS, type FlushReport, type FlushWish } from '../../shared/worker-api.ts';
import type { Flusher } from './flusher.ts';
import type { Platform } from './platform.ts';

/** A wait that ends within this time is sat out: there may be no tab left to come back. */
const SHORT_WAIT_MS = 10_000;

/** What a busy page's timer may be late. */
const GRACE_MS = 500;

/** From a leaving page's message until what it was still writing is stored. */
const LEAVING_MS = 500;

/** Browsers end a worker that has been kept alive for much longer. */
const STAY_MS = 25_000;

/** Longest wait for the browser to take a sync down. */
const SYNC_LIMIT_MS = 1_000;

export interface WorkerFlusherParts {
  readonly flusher: Flusher;
  /** When something can next be sent, epoch milliseconds; null when nothing is queued. */
  readonly dueAt: () => Promise<number | null>;
  readonly platform: Pick<Platform, 'after' | 'now'>;
  /** Has the browser wake this worker when it is online again. Never rejects. */
  readonly requestSync: () => Promise<void>;
}

/** What a run has done, and when the next one can do something; see `WorkerFlusherParts.dueAt`. */
export interface WorkerReport extends FlushReport {
  readonly dueAt: number | null;
}

/** What a worker does for the pages that ask it; whoever calls keeps the worker alive for it. */
export interface WorkerFlusher {
  /** One run of the flush loop. */
  readonly flush: (wish: FlushWish) => Promise<WorkerReport>;
  /** Goes on after such a run while the next one is near, unless somebody else asks meanwhile. */
  readonly flushOn: (first: WorkerReport) => Promise<void>;
  /** For a sync event, which must not ask for another. */
  readonly flushOnSync: () => Promise<WorkerReport>;
  /** For a page that has stored events: if it lives, it asks in time, and nothing is sent twice as often. */
  readonly flushUnlessAsked: () => Promise<void>;
  /** For a page on its way out: it may still have been writing when the first run looked. */
  readonly flushForLeaver: () => Promise<void>;
}

/** Nothing here is state of the queue: a worker forgets it whenever the browser likes. */
export function createWorkerFlusher(parts: WorkerFlusherParts): WorkerFlusher {
  const { flusher, platform, requestSync } = parts;

  /** How often a flush was asked for in this worker's life by somebody who goes on from there. */
  let askedCount = 0;
  /** How often it went on by itself. */
  let ownCount = 0;
  /** Until when it goes on by itself. */
  let stayUntil = 0;

  /** Rejects never, as the flusher. */
  async function runOnce(wish: FlushWish): Promise<WorkerReport> {
    const report = await flusher.flush(wish);
    try {
      return { ...report, dueAt: await parts.dueAt() };
    } catch {
      return { ...report, ok: false, dueAt: null };
    }
  }

  async function run(wish: FlushWish): Promise<WorkerReport> {
    const report = await runOnce(wish);
    if (report.silent) await Promise.race([requestSync(), wait(SYNC_LIMIT_MS)]);
    return report;
  }

  async function flush(wish: FlushWish): Promise<WorkerReport> {
    askedCount++;
    stayUntil = platform.now() + STAY_MS;
    return run(wish);
  }

  async function flushOn(first: WorkerReport): Promise<void> {
    let report = first;
    for (;;) {
      const now = platform.now();
      const { dueAt } = report;
      if (dueAt === null || dueAt > now + SHORT_WAIT_MS || dueAt > stayUntil) return;
      const before = askedCount + ownCount;
      // With room, so that a time that is due but leads to nothing can't become a hot loop.
      await wait(Math.max(dueAt - now, DEBOUNCE_MS));
      // Of two that go on, one is enough; with one for each call of a busy page, requests would come ever faster.
      if (platform.now() > stayUntil || askedCount + ownCount !== before) return;
      ownCount++;
      report = await run({ urgent: false });
    }
  }

  function wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      platform.after(delayMs, resolve);
    });
  }

  return {
    flush,
    flushOn,
    flushOnSync: () => runOnce({ urgent: true }),
    async flushUnlessAsked() {
      const before = askedCount;
      await wait(DEBOUNCE_MS + GRACE_MS);
      if (askedCount === before) await flushOn(await flush({ urgent: false }));
    },
    async flushForLeaver() {
      await flush({ urgent: false });
      await wait(LEAVING_MS);
      await flushOn(await flush({ urgent: false }));
    },
  };
}
