import { beforeEach, describe, expect, it } from 'vitest';
import type { WorkerLink } from '../../../client/page/connect-worker.ts';
import { createDeliverer } from '../../../client/page/deliverer.ts';
import { FakeClock, settle } from '../../support/client-clock.ts';

const WISH = { urgent: false };

describe('deliverer', () => {
  let clock: FakeClock;
  let runs: string[];
  beforeEach(() => {
    clock = new FakeClock();
    runs = [];
  });

  const report = { ok: true, requests: 0 };
  const link: WorkerLink = {
    flush: () => Promise.resolve((runs.push('worker'), report)),
    leave: () => void runs.push('leave'),
    planned: () => void runs.push('planned'),
  };

  function open(connect?: () => Promise<WorkerLink | undefined>) {
    const flush = () => Promise.resolve((runs.push('page'), report));
    return createDeliverer({
      clock,
      connect,
      loadFlusher: () => Promise.resolve({ flush }),
    });
  }

  it('falls back to the page when registration hangs, waits once only, and takes a late link', async () => {
    let answer: ((found: WorkerLink) => void) | undefined;
    const deliverer = open(() => new Promise((resolve) => (answer = resolve)));
    const first = deliverer.deliver(WISH);
    await clock.advance(10_000);
    expect(await first).toEqual(report);
    expect(deliverer.workerState()).toBe('unavailable');
    await clock.advance(30_000);
    await deliverer.deliver(WISH);
    expect(runs).toEqual(['page', 'page']);
    answer?.(link);
    await settle();
    await deliverer.deliver(WISH);
    deliverer.leave();
    expect(runs).toEqual(['page', 'page', 'worker', 'leave']);
    expect(deliverer.workerState()).toBe('active');
  });

  it('tries to register again after a failure, also when the clock was set back', async () => {
    let tries = 0;
    const deliverer = open(() =>
      tries++ === 0 ? Promise.reject(new TypeError('404')) : Promise.resolve(link),
    );
    await deliverer.deliver(WISH);
    await deliverer.deliver(WISH);
    expect([tries, runs]).toEqual([1, ['page', 'page']]);
    await clock.advance(29_000);
    clock.nowMs -= 7_200_000;
    // The timers of a browser don't look at its clock.
    await clock.advance(7_200_000 + 1_000);
    clock.nowMs -= 7_200_000;
    await deliverer.deliver(WISH);
    expect([tries, runs]).toEqual([2, ['page', 'page', 'worker']]);
  });

  it('sends nothing at once that a worker has tried and could not write down', async () => {
    const failed = { ok: false, requests: 1 };
    const deliverer = open(() => Promise.resolve({ ...link, flush: () => Promise.resolve(failed) }));
    expect(await deliverer.deliver(WISH)).toEqual(failed);
    expect(runs).toEqual([]);
  });

  it('sends by the page what a worker could not even read', async () => {
    const failed = { ok: false, requests: 0 };
    const deliverer = open(() => Promise.resolve({ ...link, flush: () => Promise.resolve(failed) }));
    expect(await deliverer.deliver(WISH)).toEqual(report);
    expect(runs).toEqual(['page']);
  });

  it('reports a failure when what could send never comes', async () => {
    const deliverer = createDeliverer({
      clock,
      connect: undefined,
      loadFlusher: () => new Promise(() => undefined),
    });
    const reported = deliverer.deliver(WISH);
    await clock.advance(10_000);
    expect(await reported).toMatchObject({ ok: false });
  });
});
