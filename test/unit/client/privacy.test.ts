import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Collector, CollectorOptions } from '../../../client/page/api.ts';
import { defer } from '../../../client/page/defer.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import type { Storage } from '../../../client/queue/storage.ts';
import type { SentBody } from '../../support/client-body.ts';
import { FakeClock, settle } from '../../support/client-clock.ts';
import {
  COLLECTOR_ENDPOINT,
  createTestCollector,
  type TestSurroundings,
} from '../../support/client-page-collector.ts';
import { NOW, openQueue } from '../../support/client-queue.ts';

const OPTIONS = { customer: 'C', product: 'P' };
const DISCARDED = { status: 'discarded', reason: 'privacy' };

describe('privacy', () => {
  let clock: FakeClock;
  let storage: Storage;
  let bodies: SentBody[];
  let asked: string[];
  let isStorable: boolean;
  let opened: Collector[];
  beforeEach(() => {
    clock = new FakeClock();
    storage = { ...createMemoryStorage(), kind: 'indexeddb' };
    bodies = [];
    asked = [];
    isStorable = true;
    opened = [];
  });
  afterEach(async () => {
    Reflect.deleteProperty(navigator, 'globalPrivacyControl');
    const closing = Promise.all(opened.map((collector) => collector.close()));
    await clock.advance(10_000);
    await closing;
  });

  /** A tab on the common storage. */
  function create(extra: Partial<TestSurroundings> = {}): Collector {
    const isOpen = () => isStorable;
    const parts = { clock, storage, bodies, asked, channel: 'privacy-test' };
    const collector = createTestCollector({ ...parts, isStorable: isOpen, ...extra });
    opened.push(collector);
    return collector;
  }

  function start(options?: Partial<CollectorOptions>, extra?: Partial<TestSurroundings>): Collector {
    const collector = create(extra);
    collector.init({ ...OPTIONS, ...options });
    return collector;
  }

  /** One whose first look at the queue is over: what is tracked now is not sent before the clock goes on. */
  async function startIdle(extra?: Partial<TestSurroundings>): Promise<Collector> {
    const collector = start({}, extra);
    await settle();
    return collector;
  }

  const setGpc = (): void => {
    Object.defineProperty(navigator, 'globalPrivacyControl', { value: true, configurable: true });
  };
  const queued = async (from = storage) =>
    (await openQueue(from, COLLECTOR_ENDPOINT).monitor.status(NOW)).events;
  const types = (): unknown[] => bodies.flatMap((body) => body.events.map((event) => event['type']));

  describe('optOut', () => {
    it('erases what is queued and in memory, and discards what comes', async () => {
      const collector = await startIdle();
      const before = collector.track('A');
      await before.stored;
      const delivered = before.delivered;
      expect(await queued()).toBe(1);
      const inMemory = collector.track('B');
      const done = collector.optOut();
      const after = collector.track('C');
      await done;
      expect([await inMemory.stored, await inMemory.delivered]).toEqual([DISCARDED, DISCARDED]);
      expect([await after.stored, await after.delivered]).toEqual([DISCARDED, DISCARDED]);
      expect([await delivered, await before.delivered]).toEqual([DISCARDED, DISCARDED]);
      await clock.advance(60_000);
      expect([await queued(), bodies]).toEqual([0, []]);
      expect(await collector.status()).toMatchObject({ consent: 'refused', events: 0, losses: {} });
    });

    it('is found by the next visit, which stores and loads nothing, until optIn', async () => {
      await start().optOut();
      asked = [];
      const collector = start();
      const early = collector.track('A');
      expect(await early.stored).toEqual(DISCARDED);
      await clock.advance(10_000);
      expect(asked).toEqual(['storage']);
      expect(await collector.status()).toMatchObject({ consent: 'refused' });
      await collector.optIn();
      expect(await collector.track('B').stored).toMatchObject({ status: 'stored' });
      await clock.advance(2_000);
      expect(types()).toEqual(['B']);
    });

    it('is kept from being lost with a log that a kill has damaged', async () => {
      const [renewed, endRenewal] = defer<void>();
      const renewLog = vi.fn<() => Promise<void>>(() => renewed);
      Object.assign(storage, { renewLog });
      const collector = start();
      await collector.track('A').stored;
      expect(renewLog).not.toHaveBeenCalled();
      let isTold = false;
      const told = collector.optOut().then(() => (isTold = true));
      await settle();
      expect(renewLog).toHaveBeenCalledOnce();
      expect([isTold, await queued()]).toEqual([false, 0]);
      endRenewal();
      expect(await told).toBe(true);
    });

    it('works before init, for events of before as well', async () => {
      const collector = create();
      const tracked = collector.track('A');
      const done = collector.optOut();
      const late = collector.track('B');
      void collector.optIn();
      const wanted = collector.track('C');
      collector.init(OPTIONS);
      await done;
      expect([await tracked.stored, await late.stored]).toEqual([DISCARDED, DISCARDED]);
      expect(await wanted.stored).toMatchObject({ status: 'stored' });
    });

    it('works while storage can’t be opened, and is made durable later', async () => {
      isStorable = false;
      const collector = start();
      const tracked = collector.track('A');
      await settle();
      let isDone = false;
      void collector.optOut().then(() => (isDone = true));
      expect(await tracked.stored).toEqual(DISCARDED);
      await clock.advance(60_000);
      expect(isDone).toBe(false);
      isStorable = true;
      await clock.advance(30_000);
      expect(isDone).toBe(true);
      expect((await start().status()).consent).toBe('refused');
    });

    it('makes itself room where a full storage refuses its flag', async () => {
      const collector = await startIdle();
      await collector.track('A').stored;
      const whole = { ...storage };
      const full: Storage['transact'] = async (stores, work, mode) => {
        if (stores.includes('done') && (await queued(whole)) > 0) throw new Error('full');
        return whole.transact(stores, work, mode);
      };
      Object.assign(storage, { transact: full });
      const done = collector.optOut();
      await clock.advance(50);
      await done;
      expect((await start().status()).consent).toBe('refused');
    });

    it('is heard by every tab', async () => {
      const [left, right] = [await startIdle(), await startIdle()];
      await Promise.all([left.track('A').stored, right.track('B').stored]);
      await left.optOut();
      await vi.waitFor(async () => expect((await right.status()).consent).toBe('refused'));
      expect(await right.track('C').stored).toEqual(DISCARDED);
      await left.optIn();
      await vi.waitFor(async () => expect((await right.status()).consent).toBe('granted'));
      expect(await right.track('D').stored).toMatchObject({ status: 'stored' });
      await clock.advance(2_000);
      expect(types()).toEqual(['D']);
    });

    it('is told to every tab also by one whose collector is closed', async () => {
      const other = await startIdle();
      const collector = await startIdle();
      const closing = collector.close();
      await clock.advance(10_000);
      await closing;
      void collector.optOut();
      await vi.waitFor(async () => expect((await other.status()).consent).toBe('refused'));
    });

    it('is obeyed at once by a tab that hears of it while its storage hangs', async () => {
      const hanging = { ...storage };
      const other = await startIdle({ storage: hanging });
      Object.assign(hanging, { transact: () => new Promise(() => undefined) });
      const tracked = other.track('A');
      const collector = start();
      await collector.optOut();
      await vi.waitFor(async () => expect(await tracked.stored).toEqual(DISCARDED));
    });

    it('is learned from the queue by a tab that missed the message', async () => {
      const deaf = await startIdle({ channel: 'another' });
      await deaf.track('A').stored;
      await start({}, { isLoadable: () => false }).optOut();
      await deaf.track('B').stored;
      expect((await deaf.status()).consent).toBe('granted');
      await clock.advance(2_000);
      expect((await deaf.status()).consent).toBe('refused');
      expect([await queued(), bodies]).toEqual([0, []]);
    });

    it('holds for the life of a page whose storage is memory, and is heard by others of the kind', async () => {
      const memory = () => ({ storage: createMemoryStorage() });
      const [left, right] = [await startIdle(memory()), await startIdle(memory())];
      await Promise.all([left.track('A').stored, right.track('B').stored]);
      await left.optOut();
      expect(await left.track('C').stored).toEqual(DISCARDED);
      await vi.waitFor(async () => expect((await right.status()).consent).toBe('refused'));
      await clock.advance(2_000);
      expect(bodies).toEqual([]);
    });

    it('taken back at once leaves nothing of before and everything of after', async () => {
      const collector = await startIdle();
      await collector.track('A').stored;
      void collector.optOut();
      void collector.optIn();
      const wanted = collector.track('B');
      expect(await wanted.stored).toMatchObject({ status: 'stored' });
      await clock.advance(2_000);
      expect(types()).toEqual(['B']);
    });

    it.each([
      ['before that is written', false],
      ['while a full storage refuses to write that', true],
    ])('seen in the queue after optIn, %s, costs nothing that is tracked since', async (_when, isFull) => {
      const collector = await startIdle();
      await collector.optOut();
      const whole = { ...storage };
      let isRefusing = isFull;
      const refusing: Storage['transact'] = async (stores, work, mode) => {
        if (isRefusing && stores.includes('done') && mode !== 'readonly') throw new Error('full');
        return whole.transact(stores, work, mode);
      };
      Object.assign(storage, { transact: refusing });
      void collector.optIn();
      const first = collector.track('A');
      if (isFull) await settle();
      document.dispatchEvent(new Event('visibilitychange'));
      await settle();
      const second = collector.track('B');
      isRefusing = false;
      await clock.advance(60_000);
      expect(await first.stored).toMatchObject({ status: 'stored' });
      expect(await second.stored).toMatchObject({ status: 'stored' });
      expect(types()).toEqual(['A', 'B']);
    });

    it('of another tab, told while a later optIn is being written, costs nothing that is tracked since', async () => {
      const slow = { ...storage };
      const [collector, other] = [await startIdle({ storage: slow }), await startIdle()];
      const gate = defer<void>();
      const waiting: Storage['transact'] = async (stores, work, mode) => {
        await gate[0];
        return storage.transact(stores, work, mode);
      };
      Object.assign(slow, { transact: waiting });
      await other.optOut();
      const done = collector.optIn();
      const tracked = collector.track('A');
      await settle();
      gate[1]();
      await done;
      expect(await tracked.stored).toMatchObject({ status: 'stored' });
    });

    it('of a tab without a database is none for those that have one', async () => {
      const collector = await startIdle();
      const tracked = collector.track('A');
      await tracked.stored;
      const memory = await startIdle({ storage: createMemoryStorage() });
      await memory.optOut();
      await settle();
      await clock.advance(60_000);
      expect(await tracked.delivered).toMatchObject({ status: 'delivered' });
    });

    it('that never was loses nothing when it is taken back', async () => {
      const collector = start();
      await collector.track('A').stored;
      await collector.optIn();
      await clock.advance(2_000);
      expect(types()).toEqual(['A']);
    });
  });

  describe('Global Privacy Control', () => {
    it('counts as an opt-out, erases, and is taken back when it is gone', async () => {
      await (await startIdle()).track('A').stored;
      setGpc();
      const collector = start();
      expect(await collector.track('B').stored).toEqual(DISCARDED);
      await vi.waitFor(async () => expect(await queued()).toBe(0));
      expect((await collector.status()).consent).toBe('refused');
      Reflect.deleteProperty(navigator, 'globalPrivacyControl');
      expect(await start().track('C').stored).toMatchObject({ status: 'stored' });
      await clock.advance(2_000);
      expect(types()).toEqual(['C']);
    });

    it('going leaves the user’s own decision', async () => {
      await start().optOut();
      setGpc();
      expect((await start().status()).consent).toBe('refused');
      Reflect.deleteProperty(navigator, 'globalPrivacyControl');
      expect(await start().track('A').stored).toEqual(DISCARDED);
    });

    it('is overridden by an option and by optIn, also before init', async () => {
      setGpc();
      expect(await start({ honourGpc: false }).track('A').stored).toMatchObject({ status: 'stored' });
      const early = create();
      void early.optIn();
      early.init(OPTIONS);
      expect(await early.track('B').stored).toMatchObject({ status: 'stored' });
      const late = start();
      expect(await late.track('C').stored).toEqual(DISCARDED);
      await late.optIn();
      expect(await late.track('D').stored).toMatchObject({ status: 'stored' });
    });

    it('erases nothing where the page calls optIn in the same task', async () => {
      await start({}, { isLoadable: () => false }).track('A').stored;
      setGpc();
      const collector = start({}, { isLoadable: () => false });
      await collector.optIn();
      expect(await queued()).toBe(1);
    });
  });

  describe('consent that is pending', () => {
    it('keeps events in memory alone, then stores and delivers them with their times', async () => {
      const collector = start({ consent: 'pending' });
      const tracked = collector.track('A');
      await clock.advance(60_000);
      expect([asked, bodies]).toEqual([[], []]);
      expect(await collector.status()).toMatchObject({ consent: 'pending', events: 1, unstored: 1 });
      await collector.optIn();
      expect(await tracked.stored).toMatchObject({ status: 'stored' });
      await clock.advance(2_000);
      expect(bodies.flatMap((body) => body.events)).toMatchObject([{ type: 'A', timestamp: NOW }]);
    });

    it('erases nothing of what earlier visits queued when it is granted', async () => {
      await start({}, { isLoadable: () => false }).track('A').stored;
      const collector = start({ consent: 'pending' });
      collector.track('B');
      await collector.optIn();
      await clock.advance(60_000);
      expect(types()).toEqual(expect.arrayContaining(['A', 'B']));
    });

    it('stores what was tracked meanwhile although the user had opted out before', async () => {
      await start().optOut();
      const collector = start({ consent: 'pending' });
      const tracked = collector.track('A');
      await settle();
      await collector.optIn();
      expect(await tracked.stored).toMatchObject({ status: 'stored' });
      await clock.advance(2_000);
      expect(types()).toEqual(['A']);
    });

    it('discards on refusal, and remembers that', async () => {
      const collector = start({ consent: 'pending' });
      const tracked = collector.track('A');
      await collector.optOut();
      expect([await tracked.stored, await tracked.delivered]).toEqual([DISCARDED, DISCARDED]);
      await clock.advance(10_000);
      expect([asked, await queued(), bodies]).toEqual([['storage'], 0, []]);
      expect((await start().status()).consent).toBe('refused');
    });

    it('counts what memory has no room for', async () => {
      const collector = start({ consent: 'pending' });
      const large = Array.from({ length: 15 }, () => ''.padEnd(4_000, 'x'));
      const first = collector.track('A', large);
      await settle();
      const second = collector.track('A', large);
      for (let index = 0; index < 300; index++) collector.track('A', large);
      expect(await second.stored).toEqual({ status: 'dropped' });
      await collector.optIn();
      expect(await first.stored).toMatchObject({ status: 'stored' });
      await clock.advance(2_000);
      expect((await collector.status()).losses['dropped:memory']).toBeGreaterThan(0);
    });
  });
});
