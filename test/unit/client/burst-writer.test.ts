import { beforeEach, describe, expect, it } from 'vitest';
import { createBurstWriter, type Divert } from '../../../client/page/burst-writer.ts';
import { defer } from '../../../client/page/defer.ts';
import type { PendingBurst } from '../../../client/page/pending-burst.ts';
import type { Burst, EventQueue } from '../../../client/queue/event-queue.ts';
import { FakeClock, settle } from '../../support/client-clock.ts';
import { NOW } from '../../support/client-queue.ts';

describe('burst writer', () => {
  let clock: FakeClock;
  let written: { burst: Burst; isRepeat: boolean }[];
  let dropped: PendingBurst[];
  let finish: ((error?: Error) => void)[];
  beforeEach(() => {
    clock = new FakeClock();
    written = [];
    dropped = [];
    finish = [];
  });

  /** A queue whose writes end when the test says so. */
  function open(queue?: Promise<EventQueue>) {
    const slow: EventQueue = {
      kind: 'memory',
      enqueue(burst, isRepeat) {
        written.push({ burst, isRepeat });
        return new Promise((resolve, reject) =>
          finish.push((error) => (error ? reject(error) : resolve(true))),
        );
      },
    };
    return createBurstWriter({
      queue: () => queue ?? Promise.resolve(slow),
      clock,
      onBurst: () => undefined,
      onStored: () => undefined,
      onDropped: (burst) => dropped.push(burst),
    });
  }

  it('writes what one task tracked as one burst', async () => {
    const writer = open();
    const counts = ['{"a":1}', '{"b":2}'].map((text) => writer.add(text).count);
    await settle();
    expect(counts).toEqual([1, 2]);
    expect(written.map(({ burst }) => [burst.events, burst.count, burst.bytes])).toEqual([
      ['{"a":1},{"b":2}', 2, 15],
    ]);
  });

  it('has one write in flight; what comes meanwhile is the next burst', async () => {
    const writer = open();
    for (let index = 0; index < 5; index++) {
      writer.add(`${index}`);
      await settle();
    }
    expect(written).toHaveLength(1);
    finish.shift()?.();
    await settle();
    expect(written.map(({ burst }) => burst.events)).toEqual(['0', '1,2,3,4']);
  });

  it('says that it is stored when a renewal of the log is over; what comes meanwhile is written all the same', async () => {
    const [renewed, endRenewal] = defer<void>();
    const enqueue = (burst: Burst, isRepeat: boolean) => {
      written.push({ burst, isRepeat });
      return Promise.resolve(true);
    };
    const writer = open(Promise.resolve({ kind: 'indexeddb', enqueue, renewal: () => renewed }));
    const told: string[] = [];
    for (const text of ['0', '1']) {
      void writer.add(text).stored.then(({ status }) => told.push(status));
      await settle();
    }
    expect([written.length, told, writer.count()]).toEqual([2, [], 0]);
    endRenewal();
    await settle();
    expect(told).toEqual(['stored', 'stored']);
  });

  it('cuts a burst at 1,000 events and at the bytes of a request', async () => {
    const writer = open();
    for (let index = 0; index < 1001; index++) writer.add('1');
    const large = '"'.padEnd(600_000, 'é');
    writer.add(large);
    expect(written).toEqual([]);
    await settle();
    expect(written.map(({ burst }) => burst.count)).toEqual([1000, 1, 1]);
  });

  it('writes all of one task at once, and what comes meanwhile after it', async () => {
    const writer = open();
    for (let index = 0; index < 2_500; index++) writer.add('1');
    await settle();
    for (let index = 0; index < 1_500; index++) writer.add('2');
    await settle();
    finish.shift()?.();
    finish.shift()?.();
    await settle();
    expect(written.map(({ burst }) => burst.count)).toEqual([1_000, 1_000, 500]);
    finish.shift()?.();
    await settle();
    expect(written.slice(3).map(({ burst }) => burst.count)).toEqual([1_000, 500]);
    expect(writer.count()).toBe(1_500);
  });

  it('writes one at a time after a failure, until nothing waits', async () => {
    const writer = open();
    const addMany = async (): Promise<void> => {
      for (let index = 0; index < 2_500; index++) writer.add('1');
      await settle();
    };
    writer.add('1');
    await settle();
    finish.shift()?.(new Error('lost'));
    await addMany();
    await clock.advance(60);
    const counts: number[] = [];
    for (let round = 0; round < 4; round++) {
      finish.shift()?.();
      await settle();
      counts.push(written.length);
    }
    expect(counts).toEqual([3, 4, 5, 5]);
    await addMany();
    expect(written).toHaveLength(8);
  });

  it('says stored only when the write has ended', async () => {
    const writer = open();
    let outcome: unknown;
    void writer.add('1').stored.then((value) => (outcome = value));
    await settle();
    expect(outcome).toBeUndefined();
    finish.shift()?.();
    await settle();
    expect(outcome).toEqual({ status: 'stored', storage: 'memory' });
  });

  it('writes a failed burst again under its id, as a repeat', async () => {
    const writer = open();
    writer.add('1');
    await settle();
    finish.shift()?.(new Error('connection lost'));
    await clock.advance(60);
    finish.shift()?.(new Error('connection lost'));
    await clock.advance(250);
    expect(written.map(({ isRepeat }) => isRepeat)).toEqual([false, true, true]);
    expect(new Set(written.map(({ burst }) => burst.id)).size).toBe(1);
  });

  it('tells with a repeat whether an attempt may have been made all the same', async () => {
    const writer = open();
    writer.add('1');
    const failures = [Object.assign(new Error('full'), { name: 'QuotaExceededError' }), new Error('lost')];
    for (const failure of failures) {
      await settle();
      finish.shift()?.(failure);
      await settle();
      await clock.advance(1_000);
    }
    expect(written.map(({ burst }) => burst.isUnsure)).toEqual([false, false, true]);
  });

  it('counts a refused event with the next write, or with one of its own', async () => {
    const writer = open();
    writer.lose('rejected:X', 1);
    writer.add('1');
    await settle();
    expect(written[0]?.burst).toMatchObject({ count: 1, lost: { 'rejected:X': 1 } });
    finish.shift()?.();
    await settle();
    writer.lose('rejected:X', 1);
    await settle();
    expect(written[1]?.burst).toMatchObject({ count: 0, lost: { 'rejected:X': 1 } });
    finish.shift()?.();
    writer.add('2');
    await settle();
    expect(written[2]?.burst).not.toHaveProperty('lost');
  });

  it('drops the oldest burst, and counts it, when memory runs out before storage opens', async () => {
    let openNow: ((queue: EventQueue) => void) | undefined;
    const writer = open(new Promise((resolve) => (openNow = resolve)));
    const first = writer.add('1');
    await settle();
    const second = writer.add('"'.padEnd(1_000_000, 'x'));
    for (let index = 0; index < 16; index++) writer.add('"'.padEnd(1_000_000, 'x'));
    expect(dropped).toEqual([second]);
    expect(await second.stored).toEqual({ status: 'dropped' });
    expect(writer.count()).toBe(17);
    const taken: Burst[] = [];
    openNow?.({
      kind: 'memory',
      enqueue: (burst) => {
        taken.push(burst);
        return Promise.resolve(true);
      },
    });
    expect(await first.stored).toMatchObject({ status: 'stored' });
    await writer.settled();
    expect(taken.map((burst) => burst.lost?.['dropped:memory'])).toContain(1);
    expect(writer.count()).toBe(0);
  });

  it('goes on writing although whoever is told of a write throws', async () => {
    const taken: string[] = [];
    const writer = createBurstWriter({
      queue: () =>
        Promise.resolve({
          kind: 'memory',
          enqueue: ({ events }) => Promise.resolve(taken.push(events) > 0),
        }),
      clock,
      onBurst: () => undefined,
      onStored: () => {
        throw new Error('a worker that is gone');
      },
      onDropped: () => undefined,
    });
    for (const text of ['1', '2', '3']) {
      writer.add(text);
      await settle();
    }
    await writer.settled();
    expect(taken).toEqual(['1', '2', '3']);
    expect(writer.count()).toBe(0);
  });

  it('keeps nothing of what it dropped', () => {
    const writer = open(new Promise(() => undefined));
    for (let index = 0; index < 40; index++) writer.add('"'.padEnd(1_000_000, 'x'));
    expect(dropped.length).toBeGreaterThan(20);
    expect(dropped.flatMap((burst) => burst.texts)).toEqual([]);
  });

  it('has its memory back for what comes later once events are stored', async () => {
    const writer = open();
    for (let index = 0; index < 60; index++) {
      writer.add('"'.padEnd(1_000_000, 'x'));
      await settle();
      finish.shift()?.();
      await settle();
    }
    expect(dropped).toEqual([]);
    expect(written).toHaveLength(60);
  });

  it('hands over what is tracked while the page goes, until it is stored, and no more a second later', async () => {
    const writer = open();
    const tries: string[] = [];
    const divert: Divert = ({ texts }) => {
      const text = texts.join(',');
      return () => {
        tries.push(text);
        return tries.length < 2 ? Promise.reject(new Error('no room')) : Promise.resolve();
      };
    };
    writer.force(divert);
    const burst = writer.add('1');
    await clock.advance(100);
    expect(await burst.stored).toMatchObject({ status: 'stored' });
    expect(tries).toEqual(['1', '1']);
    await clock.advance(1_000);
    writer.add('2');
    await settle();
    expect(written.map(({ burst: record }) => record.events)).toEqual(['2']);
  });

  it('writes at once what comes while the page goes, also behind a write that takes its time', async () => {
    const writer = open();
    writer.add('1');
    await settle();
    const taken: string[] = [];
    const divert: Divert = ({ texts }) => {
      taken.push(texts.join(','));
      return () => Promise.resolve();
    };
    writer.force(divert);
    await clock.advance(900);
    // Left again before that moment is over: it begins anew.
    writer.force(divert);
    await clock.advance(900);
    writer.add('2');
    await settle();
    expect(taken).toEqual(['2']);
    await clock.advance(100);
    writer.add('3');
    await settle();
    expect([written.length, taken]).toEqual([1, ['2']]);
  });

  it('tells with a repeat when the first attempt was made, not since when it has waited for the storage', async () => {
    let isOpen = false;
    const slow: EventQueue = {
      kind: 'memory',
      enqueue(burst, isRepeat) {
        written.push({ burst, isRepeat });
        return written.length < 2 ? Promise.reject(new Error('lost')) : Promise.resolve(true);
      },
    };
    const writer = createBurstWriter({
      queue: () => (isOpen ? Promise.resolve(slow) : Promise.reject(new Error('closed'))),
      clock,
      onBurst: () => undefined,
      onStored: () => undefined,
      onDropped: () => undefined,
    });
    writer.add('1');
    await clock.advance(10_000);
    isOpen = true;
    await clock.advance(60_000);
    const [first, second] = written.map(({ burst }) => burst.triedAt);
    expect(first).toBeGreaterThanOrEqual(NOW + 10_000);
    expect(second).toBe(first);
  });

  it('keeps what is not taken over for the queue, and losses too', async () => {
    const writer = open();
    writer.lose('rejected:X', 1);
    writer.add('1');
    writer.force(() => undefined);
    await settle();
    expect(written.map(({ burst }) => [burst.events, burst.lost?.['rejected:X']])).toEqual([['1', 1]]);
    finish.shift()?.();
    writer.lose('rejected:X', 2);
    writer.add('2');
    writer.force(() => () => Promise.resolve());
    await settle();
    expect(written.slice(1).map(({ burst }) => [burst.events, burst.lost?.['rejected:X']])).toEqual([
      ['', 2],
    ]);
  });

  it('writes losses while the page goes, though what was tracked is taken over', async () => {
    const writer = open();
    writer.add('1');
    await settle();
    writer.lose('rejected:X', 2);
    writer.add('2');
    writer.force(() => () => Promise.resolve());
    await settle();
    expect(written.slice(1).map(({ burst }) => burst.lost?.['rejected:X'])).toEqual([2]);
  });

  it('tells of a burst of which nobody knows any more whether it was stored', async () => {
    const writer = createBurstWriter({
      queue: () => Promise.resolve({ kind: 'indexeddb', enqueue: () => Promise.resolve(false) }),
      clock,
      onBurst: () => undefined,
      onStored: () => undefined,
      onDropped: (burst) => dropped.push(burst),
    });
    const burst = writer.add('1');
    expect(await burst.stored).toEqual({ status: 'dropped' });
    expect(dropped).toEqual([burst]);
  });

  it('leaves to the queue what nobody can take over, whatever is thrown', async () => {
    const writer = open();
    writer.force(() => {
      throw new TypeError('a part of another build');
    });
    writer.add('1');
    await settle();
    expect(written.map(({ burst }) => burst.events)).toEqual(['1']);
  });
});
