import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Collector } from '../../../client/page/api.ts';
import { defer } from '../../../client/page/defer.ts';
import { replayCall } from '../../../client/page/replay.ts';
import { STUB } from '../../../client/page/stub.ts';
import { isRecord } from '../../../shared/text.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import type { Storage } from '../../../client/queue/storage.ts';
import { call, hostile, nasty } from '../../support/client-hostile.ts';
import type { SentBody } from '../../support/client-body.ts';
import { FakeClock } from '../../support/client-clock.ts';
import { createTestCollector } from '../../support/client-page-collector.ts';
import { NOW } from '../../support/client-queue.ts';

const OPTIONS = { customer: 'C', product: 'P', version: '1.0' };

describe('collector', () => {
  let clock: FakeClock;
  let bodies: SentBody[];
  let isLoadable: boolean;
  let isStorable: boolean;
  let opened: Collector[];
  beforeEach(() => {
    clock = new FakeClock();
    bodies = [];
    [isLoadable, isStorable] = [true, true];
    opened = [];
  });
  afterEach(async () => {
    const closing = Promise.all(opened.map((collector) => collector.close()));
    await clock.advance(10_000);
    await closing;
  });

  function create(storage: Storage = createMemoryStorage()): Collector {
    const collector = createTestCollector({
      clock,
      bodies,
      storage,
      isLoadable: () => isLoadable,
      isStorable: () => isStorable,
    });
    opened.push(collector);
    return collector;
  }

  function start(storage?: Storage): Collector {
    const collector = create(storage);
    collector.init(OPTIONS);
    return collector;
  }

  const sentEvents = (): SentBody['events'] => bodies.flatMap((body) => body.events);

  it('says that an event is stored when the log that it is in is renewed, and delivers it before that', async () => {
    const [renewed, endRenewal] = defer<void>();
    const collector = start({ ...createMemoryStorage(), renewal: () => renewed });
    const told: string[] = [];
    void collector.track('A').stored.then(({ status }) => told.push(status));
    await clock.advance(2_000);
    expect([told, sentEvents().length]).toEqual([[], 1]);
    endRenewal();
    await clock.advance(0);
    expect(told).toEqual(['stored']);
  });

  it('stores, then delivers after a pause, and says so for each event', async () => {
    const collector = start();
    const delivered: unknown[] = [];
    collector.on('delivered', (event) => delivered.push(event));
    const context = ['u', null];
    const tracked = collector.track('A', context);
    context[0] = 'changed later';
    const second = collector.track('B', [], { timestamp: 5, version: null });
    expect(await tracked.stored).toEqual({ status: 'stored', storage: 'memory' });
    await clock.advance(1_000);
    expect(sentEvents()).toEqual([
      { customer: 'C', product: 'P', type: 'A', timestamp: NOW, context: ['u', null], version: '1.0' },
      { customer: 'C', product: 'P', type: 'B', timestamp: 5, context: [], version: null },
    ]);
    expect(await tracked.delivered).toMatchObject({ status: 'delivered', sequence: 0 });
    expect(await second.delivered).toMatchObject({ status: 'delivered', sequence: 1 });
    await vi.waitFor(() => expect(delivered).toMatchObject([{ count: 2 }]));
    expect(await collector.status()).toMatchObject({ events: 0, storage: 'memory', worker: 'none' });
  });

  it('refuses what is no event, counts it, and tells', async () => {
    const collector = start();
    const rejected: unknown[] = [];
    collector.on('rejected', (event) => rejected.push(event));
    const tracked = collector.track('A', { userId: 'u' });
    const problem = { code: 'REQUEST_PARAMETER_MALFORMED', path: 'context' };
    expect(await tracked.stored).toEqual({ status: 'rejected', problems: [problem] });
    expect(await tracked.delivered).toMatchObject({ status: 'rejected', ...problem });
    await vi.waitFor(() => expect(rejected).toMatchObject([{ batch: null, count: 1 }]));
    const { ledger, losses } = await collector.status();
    expect([ledger.rejected, losses]).toEqual([1, { 'rejected:REQUEST_PARAMETER_MALFORMED': 1 }]);
  });

  it.each(['before init', 'running', 'closed'])(
    'never throws and gives two promises that never reject, whatever it is given (%s)',
    async (state) => {
      const collector = state === 'before init' ? create() : start();
      if (state === 'closed') await collector.close();
      const promises: Promise<unknown>[] = [];
      const check = (...args: readonly unknown[]): void => {
        const tracked = call(collector, 'track', ...args);
        if (!isRecord(tracked)) throw new Error('nothing was given');
        const { stored, delivered } = tracked;
        if (!(stored instanceof Promise && delivered instanceof Promise)) throw new Error('no promises');
        promises.push(stored, delivered);
      };
      // Not by fast-check, which looks at what it gives.
      for (const args of nasty.flatMap(placesOf)) check(...args);
      // Names that every object has.
      for (const type of ['constructor', '__proto__', 'toString']) check(type, { user: 'u' });
      const anything = fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
      });
      fc.assert(fc.property(fc.oneof(fc.constant('A'), anything), anything, anything, check), {
        numRuns: 300,
      });
      collector.init(OPTIONS);
      await clock.advance(5_000);
      const outcomes: readonly unknown[] = await Promise.all(promises);
      const statuses = new Set(outcomes.map((outcome) => isRecord(outcome) && outcome['status']));
      const allowed = state === 'closed' ? ['dropped'] : ['stored', 'delivered', 'rejected'];
      expect([...statuses].filter((status) => !allowed.includes(String(status)))).toEqual([]);
    },
  );

  it('keeps what was tracked before init, with its time', async () => {
    const collector = create();
    const tracked = collector.track('EARLY');
    clock.nowMs += 500;
    collector.init(OPTIONS);
    expect(await tracked.stored).toMatchObject({ status: 'stored' });
    await clock.advance(1_000);
    expect(sentEvents()).toMatchObject([{ type: 'EARLY', timestamp: NOW }]);
  });

  it('stores although its other part can’t be loaded, and delivers once it can', async () => {
    isLoadable = false;
    const collector = start();
    const tracked = collector.track('A');
    expect(await tracked.stored).toMatchObject({ status: 'stored' });
    await clock.advance(10_000);
    expect(bodies).toEqual([]);
    isLoadable = true;
    await clock.advance(30_000);
    expect(await tracked.delivered).toMatchObject({ status: 'delivered' });
  });

  it('orders an object by the keys of its type and fills in what was set', async () => {
    const collector = create();
    collector.init({ ...OPTIONS, contextKeys: { A: ['user', 'page', 'tab'] } });
    collector.setContext({ user: 'u', tab: 't' });
    collector.track('A', { page: 'p' });
    collector.track('A');
    collector.clearContext();
    collector.track('A', { user: 'v' });
    expect(await collector.track('A', { typo: 'x' }).stored).toMatchObject({ status: 'rejected' });
    await collector.flush();
    expect(sentEvents().map((event) => event.context)).toEqual([['u', 'p', 't'], ['u', null, 't'], ['v']]);
  });

  it('does what was called on the stub, with the time of each call', async () => {
    const calls: unknown[] = [];
    vi.setSystemTime(NOW - 7);
    // The text is what sites paste; it runs here as it would there.
    // oxlint-disable-next-line no-new-func, typescript/no-implied-eval, typescript/no-unsafe-call
    new Function(STUB)();
    call(window.waybill, 'track', 'A', ['u'], { version: '2' });
    call(window.waybill, 'init', OPTIONS);
    if (window.waybill && 'q' in window.waybill) calls.push(...window.waybill.q);
    vi.useRealTimers();
    const collector = create();
    for (const made of calls) replayCall(collector, made);
    await collector.flush();
    expect(sentEvents()).toMatchObject([{ type: 'A', context: ['u'], version: '2', timestamp: NOW - 7 }]);
  });

  it('takes the context and the set values as they are when tracked, also before init', async () => {
    const collector = create();
    const context = ['u'];
    collector.setContext({ user: 'first' });
    collector.track('A', context);
    collector.track('B');
    context[0] = 'changed later';
    collector.setContext({ user: 'second' });
    collector.init({ ...OPTIONS, contextKeys: { B: ['user'] } });
    await collector.flush();
    expect(sentEvents().map((event) => event.context)).toEqual([['u'], ['first']]);
  });

  it('bounds what is tracked before init by size too', async () => {
    const collector = create();
    const long = ['x'.repeat(1_000_000)];
    const outcomes = Array.from({ length: 9 }, () => collector.track('A', long).stored);
    expect(await outcomes[8]).toEqual({ status: 'dropped' });
  });

  it('has one huge call before init cost itself alone', async () => {
    const collector = create();
    const huge = collector.track('A', ['x'.repeat(9_000_000)]);
    const small = collector.track('B');
    collector.init(OPTIONS);
    await collector.flush();
    expect(await huge.stored).toEqual({ status: 'dropped' });
    expect(await small.stored).toMatchObject({ status: 'stored' });
  });

  it('keeps no more than so many events before init, and counts the others', async () => {
    const collector = create();
    for (let index = 0; index < 10_000; index++) collector.track('A');
    expect(await collector.track('A').stored).toEqual({ status: 'dropped' });
    collector.init(OPTIONS);
    await collector.flush();
    expect((await collector.status()).ledger.dropped).toBe(1);
    expect(sentEvents()).toHaveLength(10_000);
  });

  it('takes null for no options, and throws at nothing that it is given', async () => {
    const collector = create();
    for (const given of [null, undefined, hostile]) call(collector, 'init', given);
    for (const given of [null, hostile]) call(collector, 'setContext', given);
    call(collector, 'on', 'constructor', () => undefined);
    collector.init(OPTIONS);
    const tracked = call(collector, 'track', 'A', [], null);
    expect(isRecord(tracked) && (await tracked['stored'])).toMatchObject({ status: 'stored' });
  });

  it('answers flush, status and close in time although its other part can’t be loaded', async () => {
    isLoadable = false;
    const collector = start();
    collector.track('A');
    const answers = Promise.all([collector.flush(), collector.status()]);
    await clock.advance(10_000);
    expect((await answers)[1]).toMatchObject({ storage: 'opening', worker: 'none' });
    const idle = create();
    const early = Promise.all([idle.flush(), idle.status(), idle.close()]);
    await clock.advance(10_000);
    expect((await early)[1]).toMatchObject({ events: 0 });
  });

  it('closes in time although storage can’t be opened', async () => {
    isStorable = false;
    start().track('A');
    const [closing] = opened.map((collector) => collector.close());
    await clock.advance(10_000);
    expect(await closing).toBeUndefined();
  });

  it('tracks nothing once closed, and keeps what was tracked', async () => {
    const collector = start();
    const tracked = collector.track('A');
    await collector.close();
    expect(await tracked.stored).toMatchObject({ status: 'stored' });
    expect(await collector.track('B').stored).toEqual({ status: 'dropped' });
  });
});

/** A thing in each place of a call. */
function placesOf(thing: unknown): readonly (readonly unknown[])[] {
  return [
    [thing, [], {}],
    ['A', thing, {}],
    ['A', [thing], {}],
    ['A', { user: thing }, {}],
    ['A', [], thing],
    ['A', [], { timestamp: thing, version: thing, customer: thing }],
  ];
}
