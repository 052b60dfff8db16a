import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EMPTY_LEDGER } from '../../../shared/batch.ts';
import type { Announcement } from '../../../client/delivery/announce.ts';
import type { BurstWriter, Divert } from '../../../client/page/burst-writer.ts';
import type { WorkerLink } from '../../../client/page/connect-worker.ts';
import { createEmitter, type Emitter } from '../../../client/page/emitter.ts';
import { readOptions } from '../../../client/page/options.ts';
import { createPageDelivery, type PageDelivery } from '../../../client/page/page-delivery.ts';
import { createBurst, nameBurst, type PendingBurst } from '../../../client/page/pending-burst.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import type { Storage } from '../../../client/queue/storage.ts';
import { present } from '../../support/client-assert.ts';
import { FakeClock, settle } from '../../support/client-clock.ts';
import { ENDPOINT, makeAnswer, makeBurst, openQueue } from '../../support/client-queue.ts';

describe('page delivery', () => {
  let clock: FakeClock;
  let emitter: Emitter;
  let storage: Storage;
  let calls: string[];
  let told: string[];
  let delivery: PageDelivery | undefined;
  let isSettled: boolean;
  /** What the last burst of a page that is left was taken over by. */
  let diverted: ReturnType<Divert>;
  beforeEach(() => {
    isSettled = true;
    diverted = undefined;
    clock = new FakeClock();
    emitter = createEmitter();
    storage = { ...createMemoryStorage(), kind: 'indexeddb' };
    calls = [];
    // Listeners are called in a later task, perhaps in that of another test.
    const heard: string[] = [];
    told = heard;
    emitter.on('delivered', ({ batch }) => heard.push(batch));
  });
  afterEach(() => delivery?.stop());

  const report = { ok: true, requests: 0 };

  function open(connect?: () => Promise<WorkerLink | undefined>): PageDelivery {
    const flush = ({ urgent }: { urgent: boolean }) =>
      Promise.resolve((calls.push(urgent ? 'urgent' : 'send'), report));
    const never = () => Promise.reject(new Error('not needed'));
    const writer: BurstWriter = {
      add: () => nameBurst(createBurst(clock.nowMs)),
      lose: () => undefined,
      discard: () => undefined,
      force(divert) {
        calls.push('force');
        diverted = divert?.({ ...nameBurst(createBurst(clock.nowMs)), count: 1 });
      },
      settled: () => Promise.resolve(),
      count: () => 0,
    };
    delivery = createPageDelivery({
      config: readOptions({ customer: 'C', product: 'P', endpoint: ENDPOINT }, ENDPOINT, ENDPOINT),
      clock,
      consent: { state: () => 'granted', obey: () => undefined, isSettled: () => isSettled },
      startedAt: clock.nowMs,
      describe: () => ({
        events: 0,
        unstored: 0,
        batches: 0,
        bytes: 0,
        oldestAgeMs: null,
        lastAnswer: null,
        nextAttemptAt: null,
        storage: 'opening',
        worker: 'none',
        consent: 'granted',
        ledger: EMPTY_LEDGER,
        losses: {},
      }),
      emitter,
      storage,
      writer,
      chunks: { flush: never, link: never, rare: never },
      openChannel: () => new BroadcastChannel('test'),
      createFlusher: () => ({ flush, sendLeaving: () => () => Promise.resolve() }),
      ...(connect ? { connect } : {}),
    });
    return delivery;
  }

  /** What another tab or the worker does, without a word to this page. */
  async function deliverElsewhere(place: number): Promise<PendingBurst> {
    const queue = openQueue(storage);
    const burst = makeBurst(place);
    await queue.events.enqueue(burst, false);
    const { batch } = await queue.leaseNow(clock.nowMs);
    await queue.delivery.acknowledge(batch, [], makeAnswer('delivered', clock.nowMs));
    return { ...nameBurst(createBurst(clock.nowMs)), id: burst.id, count: 1 };
  }

  it('finds in the queue what became of its bursts while it was being loaded', async () => {
    const burst = await deliverElsewhere(1);
    const page = open();
    page.expect(burst);
    await settle();
    expect(await page.delivered(burst, 0)).toMatchObject({ status: 'delivered' });
  });

  it('tells of what was delivered while the page is open, not of what was before', async () => {
    await deliverElsewhere(1);
    clock.nowMs += 1_000;
    const page = open();
    clock.nowMs += 1_000;
    const second = await deliverElsewhere(2);
    await page.flush();
    const third = await deliverElsewhere(3);
    await page.flush();
    await vi.waitFor(() => expect(told).toEqual([second.id, third.id]));
  });

  it('catches up when it can be seen again', async () => {
    const page = open();
    await settle();
    const burst = await deliverElsewhere(1);
    page.expect(burst);
    document.dispatchEvent(new Event('visibilitychange'));
    await settle();
    expect(await page.delivered(burst, 0)).toMatchObject({ status: 'delivered' });
  });

  it('goes on reading where it stopped, and from the start when everything was erased', async () => {
    const page = open();
    await settle();
    const asked: (number | undefined)[] = [];
    const whole = { ...storage };
    const burst = await deliverElsewhere(1);
    page.expect(burst);
    Object.assign(storage, {
      transact: ((stores, work, mode) =>
        whole.transact(
          stores,
          (tx) =>
            work({
              ...tx,
              all(name, range, limit) {
                if (name === 'done') asked.push(Number(range.from[1]));
                return tx.all(name, range, limit);
              },
            }),
          mode,
        )) satisfies Storage['transact'],
    });
    const show = async () => {
      page.expect({ ...nameBurst(createBurst(clock.nowMs)), count: 1 });
      document.dispatchEvent(new Event('visibilitychange'));
      await settle();
    };
    await show();
    await show();
    page.erased();
    await show();
    const [leftAt] = (await openQueue(whole).monitor.done()).map(({ at }) => at);
    expect(asked).toEqual([0, leftAt, 0]);
  });

  it('learns what left the queue also after all data was cleared and the clock set back', async () => {
    clock.nowMs += 3_600_000;
    await deliverElsewhere(1);
    const page = open();
    await settle();
    Object.assign(storage, { ...createMemoryStorage(), kind: 'indexeddb' });
    clock.nowMs -= 1_800_000;
    const burst = await deliverElsewhere(2);
    page.expect(burst);
    document.dispatchEvent(new Event('visibilitychange'));
    await settle();
    expect(await page.delivered(burst, 0)).toMatchObject({ status: 'delivered' });
  });

  it('takes a wait that it was told of for over once another tab has got through', async () => {
    open();
    await settle();
    const channel = new BroadcastChannel('test');
    const tell = (announcement: Announcement): void => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
      channel.postMessage(announcement);
    };
    // Unlike `pagehide`, this leaves the page listening.
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    const isHeld = (): boolean => {
      document.dispatchEvent(new Event('visibilitychange'));
      return diverted === undefined;
    };
    expect(isHeld()).toBe(false);
    tell({ endpoint: ENDPOINT, done: null, holdUntil: clock.nowMs + 60_000 });
    await vi.waitFor(() => expect(isHeld()).toBe(true));
    await deliverElsewhere(1);
    const [done] = await openQueue(storage).monitor.done();
    tell({ endpoint: ENDPOINT, done: present(done), holdUntil: 0 });
    await vi.waitFor(() => expect(isHeld()).toBe(false));
    Reflect.deleteProperty(document, 'visibilityState');
    channel.close();
  });

  it('tells that the queue can’t be read, and what is known all the same', async () => {
    const page = open();
    await settle();
    expect(await page.status()).toMatchObject({ storage: storage.kind });
    Object.assign(storage, { transact: () => new Promise(() => undefined) });
    const answer = page.status();
    await clock.advance(5_000);
    expect(await answer).toMatchObject({ events: 0, storage: 'opening' });
  });

  it('sends in spite of a backoff when the browser is online again', async () => {
    open();
    await settle();
    dispatchEvent(new Event('online'));
    await settle();
    expect(calls).toEqual(['send', 'urgent']);
  });

  it('has everything written and sent when the page goes', async () => {
    const opened = open();
    await settle();
    opened.stored(nameBurst(createBurst(clock.nowMs)));
    dispatchEvent(new Event('pagehide'));
    await settle();
    expect(calls).toEqual(['send', 'force', 'send']);
  });

  it('begins nothing that could keep the page out of the back/forward cache when there is nothing to send', async () => {
    open();
    await settle();
    dispatchEvent(new Event('pagehide'));
    await settle();
    expect(calls).toEqual(['send', 'force']);
  });

  it('leaves the sending to the worker when the page goes', async () => {
    const link: WorkerLink = {
      flush: () => Promise.resolve((calls.push('worker'), report)),
      leave: () => void calls.push('leave'),
      planned: () => undefined,
    };
    open(() => Promise.resolve(link));
    await settle();
    dispatchEvent(new Event('pagehide'));
    await settle();
    expect(calls).toEqual(['worker', 'force', 'leave']);
  });

  it('sends what was not stored yet when the page goes, unless a decision of the user’s is not in the queue', async () => {
    open();
    await settle();
    isSettled = false;
    dispatchEvent(new Event('pagehide'));
    expect(diverted).toBeUndefined();
    isSettled = true;
    dispatchEvent(new Event('pagehide'));
    expect(diverted).toBeDefined();
  });

  it('asks the queue for waits before it sends anything of its own after a time in the back/forward cache', async () => {
    open();
    await settle();
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    dispatchEvent(new Event('pagehide'));
    expect(diverted).toBeUndefined();
    await settle();
    dispatchEvent(new Event('pagehide'));
    expect(diverted).toBeDefined();
  });

  describe('where events have to wait', () => {
    let renewals: number;
    beforeEach(() => {
      renewals = 0;
      Object.assign(storage, { renewLog: () => renewals++ });
    });

    it('has a new log begun when a send has failed', async () => {
      const page = open();
      const { delivery: sender, events, leaseNow } = openQueue(storage);
      await events.enqueue({ ...makeBurst(1), createdAt: clock.nowMs }, false);
      const { batch } = await leaseNow(clock.nowMs);
      await page.flush();
      expect(renewals).toBe(0);
      const release = { notBefore: 0, holdUntil: 0, silent: true };
      await sender.release(batch, release, makeAnswer('retry', clock.nowMs));
      await page.flush();
      expect(renewals).toBe(1);
    });

    it('learns what was delivered although the script is too old to know of logs', async () => {
      Object.assign(storage, { renewLog: undefined });
      const burst = await deliverElsewhere(1);
      const { delivery: sender, events, leaseNow } = openQueue(storage);
      await events.enqueue({ ...makeBurst(2), createdAt: clock.nowMs }, false);
      const { batch } = await leaseNow(clock.nowMs);
      const release = { notBefore: 0, holdUntil: 0, silent: true };
      await sender.release(batch, release, makeAnswer('retry', clock.nowMs));
      const page = open();
      page.expect(burst);
      await settle();
      const delivered = await Promise.race([page.delivered(burst, 0), settle()]);
      expect(delivered).toMatchObject({ status: 'delivered' });
    });

    it('has a new log begun when a run lasts', async () => {
      let end: (done: WorkerLink | undefined) => void = () => undefined;
      const connecting = new Promise<WorkerLink | undefined>((resolve) => {
        end = resolve;
      });
      open(() => connecting);
      await settle();
      await clock.advance(1_900);
      expect(renewals).toBe(0);
      await clock.advance(200);
      expect(renewals).toBe(1);
      end(undefined);
      await settle();
      await clock.advance(10_000);
      expect(renewals).toBe(1);
    });
  });

  it('hears nothing more once stopped', async () => {
    open().stop();
    await settle();
    dispatchEvent(new Event('online'));
    dispatchEvent(new Event('pagehide'));
    await settle();
    expect(calls).toEqual(['send']);
  });
});
