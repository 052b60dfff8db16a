import { beforeEach, describe, expect, it } from 'vitest';
import { createFlushScheduler } from '../../../client/page/flush-scheduler.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import type { QueueStatus } from '../../../client/queue/event-queue.ts';
import { FakeClock, settle } from '../../support/client-clock.ts';
import { NOW, openQueue } from '../../support/client-queue.ts';

describe('flush scheduler', () => {
  let clock: FakeClock;
  let sends: { afterMs: number; urgent: boolean }[];
  let status: QueueStatus;
  let isOk: boolean;
  let planned: number;
  let isReadable: boolean;
  beforeEach(async () => {
    isReadable = true;
    clock = new FakeClock();
    sends = [];
    isOk = true;
    planned = 0;
    status = await openQueue(createMemoryStorage()).monitor.status(NOW);
  });

  function open() {
    return createFlushScheduler({
      clock,
      debounceMs: 1_000,
      deliver({ urgent }) {
        sends.push({ afterMs: clock.nowMs - NOW, urgent });
        return Promise.resolve({ ok: isOk, requests: 1 });
      },
      status: () => (isReadable ? Promise.resolve(status) : Promise.reject(new Error('lost'))),
      onPlanned: () => planned++,
    });
  }

  const times = (): number[] => sends.map(({ afterMs }) => afterMs);

  it('sends what was stored after a pause, once, and says that it plans to', async () => {
    const scheduler = open();
    scheduler.stored();
    await clock.advance(500);
    scheduler.stored();
    await clock.advance(60_000);
    expect(sends).toEqual([{ afterMs: 1_000, urgent: false }]);
    expect(planned).toBe(1);
  });

  it('does not ask again before the hold is over, whatever is stored meanwhile', async () => {
    const scheduler = open();
    const notBefore = NOW + 20_000;
    status = { ...status, dueAt: notBefore, state: { ...status.state, notBefore } };
    await scheduler.look();
    for (let time = 0; time < 15; time++) {
      scheduler.stored();
      await clock.advance(1_000);
    }
    expect(sends).toEqual([]);
    status = { ...status, dueAt: null };
    await clock.advance(60_000);
    expect(times()).toEqual([20_000]);
  });

  it('looks at the queue after a flush, and goes on with a pause while anything is due', async () => {
    status = { ...status, dueAt: NOW };
    await open().flush({ urgent: true });
    await clock.advance(2_500);
    expect(sends).toEqual([
      { afterMs: 0, urgent: true },
      { afterMs: 1_000, urgent: false },
      { afterMs: 2_000, urgent: false },
    ]);
  });

  it('pauses ever longer while nothing can be loaded', async () => {
    isOk = false;
    status = { ...status, dueAt: NOW };
    await open().flush({ urgent: false });
    await clock.advance(15_000);
    expect(times()).toEqual([0, 2_000, 6_000, 14_000]);
  });

  it('is not put to sleep by a time from before the clock was set back', async () => {
    const scheduler = open();
    status = { ...status, dueAt: null, state: { ...status.state, notBefore: NOW } };
    await scheduler.look();
    clock.nowMs -= 7_200_000;
    scheduler.stored();
    await clock.advance(60_000);
    expect(sends).toHaveLength(1);
  });

  it('sends nothing more once stopped', async () => {
    const scheduler = open();
    scheduler.stored();
    scheduler.stop();
    await settle();
    await clock.advance(120_000);
    expect(sends).toEqual([]);
  });

  it('keeps a long wait although it looks again every minute, and doubts it when the page was away', async () => {
    const scheduler = open();
    await scheduler.look();
    scheduler.hold(NOW + 1_800_000);
    await clock.advance(600_000);
    expect(scheduler.isHeld()).toBe(true);
    const notBefore = NOW + 1_800_000;
    status = { ...status, dueAt: notBefore, state: { ...status.state, notBefore } };
    await scheduler.look();
    isReadable = false;
    await clock.advance(90_000);
    expect(scheduler.isHeld()).toBe(true);
    await clock.advance(1_200_000);
    expect(scheduler.isHeld()).toBe(false);
    scheduler.doubt();
    expect(scheduler.isHeld()).toBe(true);
  });

  it('counts as held until it has looked, and as long as it or another tab was told to wait', async () => {
    const scheduler = open();
    expect(scheduler.isHeld()).toBe(true);
    await scheduler.look();
    expect(scheduler.isHeld()).toBe(false);
    scheduler.hold(NOW + 5_000);
    expect(scheduler.isHeld()).toBe(true);
    scheduler.stored();
    await clock.advance(4_999);
    expect(times()).toEqual([]);
    await clock.advance(1);
    expect(times()).toEqual([5_000]);
    expect(scheduler.isHeld()).toBe(false);
  });

  it('keeps a wait that it was told of, whatever a look finds that was under way or that knows nothing of it', async () => {
    const scheduler = open();
    const looking = scheduler.look();
    scheduler.hold(NOW + 60_000);
    await looking;
    await scheduler.look();
    expect(scheduler.isHeld()).toBe(true);
    scheduler.stored();
    await clock.advance(59_000);
    expect(times()).toEqual([]);
  });

  it('goes on once something was taken, unless the queue says otherwise', async () => {
    const scheduler = open();
    scheduler.hold(NOW + 60_000);
    const notBefore = NOW + 20_000;
    status = { ...status, dueAt: notBefore, state: { ...status.state, notBefore } };
    scheduler.lift();
    await settle();
    expect(scheduler.isHeld()).toBe(true);
    scheduler.stored();
    await clock.advance(20_000);
    expect(times()).toEqual([20_000]);
  });
});
