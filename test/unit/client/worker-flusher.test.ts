import { beforeEach, describe, expect, it } from 'vitest';
import {
  createWorkerFlusher,
  type WorkerFlusher,
  type WorkerReport,
} from '../../../client/delivery/worker-flusher.ts';
import { FakeClock } from '../../support/client-clock.ts';
import { NOW } from '../../support/client-queue.ts';

/** A run of the flusher takes a moment. */
const RUN_MS = 10;

describe('worker flusher', () => {
  let clock: FakeClock;
  let runs: number[];
  let syncs: number;
  let next: () => WorkerReport;
  let worker: WorkerFlusher;
  beforeEach(() => {
    clock = new FakeClock();
    runs = [];
    syncs = 0;
    next = () => ({ ok: true, requests: 0, dueAt: null });
    worker = createWorkerFlusher({
      flusher: {
        flush: () =>
          new Promise((resolve) => {
            clock.after(RUN_MS, () => {
              runs.push(clock.nowMs - NOW);
              resolve(next());
            });
          }),
      },
      dueAt: () => Promise.resolve(next().dueAt),
      platform: clock,
      requestSync: () => Promise.resolve(void syncs++),
    });
  });

  const ask = (): Promise<void> => worker.flush({ urgent: false }).then(worker.flushOn);

  it('goes on once for all who have asked, however many', async () => {
    next = () => ({ ok: true, requests: 1, dueAt: clock.nowMs });
    for (let second = 0; second < 10; second++) {
      void ask();
      await clock.advance(1_000);
    }
    expect(runs.length).toBeLessThanOrEqual(21);
  });

  it('goes on for the time of the last who asked', async () => {
    next = () => ({ ok: true, requests: 1, dueAt: clock.nowMs + 3_000 });
    void ask();
    await clock.advance(21_000);
    // While a run of the first is under way.
    while ((runs[runs.length - 1] ?? 0) + 3_000 > clock.nowMs - NOW) await clock.advance(1);
    void ask();
    await clock.advance(60_000);
    expect(runs[runs.length - 1]).toBeGreaterThan(36_000);
    expect(runs[runs.length - 1]).toBeLessThan(50_000);
  });

  it('does not take its own going on for a page that asks', async () => {
    const heldUntil = NOW + 5_000;
    next = () => ({ ok: true, requests: 1, dueAt: clock.nowMs < heldUntil ? heldUntil : null });
    void ask();
    await clock.advance(4_500);
    void worker.flushUnlessAsked();
    await clock.advance(10_000);
    expect(runs.filter((atMs) => atMs > 5_300)).toHaveLength(1);
  });

  it('asks for a sync after silence, and never from a sync', async () => {
    next = () => ({ ok: true, requests: 1, silent: true, dueAt: null });
    void worker.flushOnSync();
    await clock.advance(1_000);
    expect(syncs).toBe(0);
    void ask();
    await clock.advance(1_000);
    expect(syncs).toBe(1);
  });
});
