import { describe, expect, it } from 'vitest';
import { createFlusher, earliestDueAt, type FlusherParts } from '../../../client/delivery/flusher.ts';
import { LOCK_WAIT_MS, type Locks, withFlushLock } from '../../../client/delivery/flush-lock.ts';
import { runInTurn } from '../../../client/delivery/run-in-turn.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import { readBody, receiptFor } from '../../support/client-body.ts';
import { FakeClock, fakePlatform, settle } from '../../support/client-clock.ts';
import { makeBurst, NOW, openQueue } from '../../support/client-queue.ts';

type Reply = (init: RequestInit, call: number) => Response | Promise<Response>;

function setUp(reply: Reply, overrides: Partial<FlusherParts> = {}) {
  const clock = new FakeClock();
  const queue = openQueue(createMemoryStorage());
  const sent: string[] = [];
  const platform = fakePlatform(clock, async (_url, init) => {
    sent.push(readBody(init.body).batch);
    return reply(init, sent.length);
  });
  const answers: (string | undefined)[] = [];
  const flusher = createFlusher({
    queue: queue.delivery,
    platform,
    locks: undefined,
    lockName: 'test',
    onAnswer: (_endpoint, done) => answers.push(done?.outcome),
    ...overrides,
  });
  const flush = (urgent = false) => flusher.flush({ urgent });
  const dueAt = () => earliestDueAt(overrides?.queue ?? queue.delivery, clock.now());
  /** Flushes whenever something is due. */
  const flushFor = async (hours: number): Promise<void> => {
    const endMs = clock.nowMs + hours * 3_600_000;
    while (clock.nowMs < endMs) {
      await flush();
      const nextMs = await dueAt();
      if (nextMs === null) return;
      clock.nowMs = Math.max(clock.nowMs + 1, nextMs);
    }
  };
  return { clock, ...queue, sent, answers, flush, flushFor, dueAt };
}

const offline = () => Promise.reject(new TypeError('offline'));

describe('flush', () => {
  it('sends all that is queued and removes what was acknowledged', async () => {
    const { events, monitor, flush, sent, answers, clock } = setUp(receiptFor);
    for (let place = 1; place <= 3; place++) await events.enqueue(makeBurst(place, 700), false);
    expect(await flush()).toEqual({ ok: true, requests: 3, silent: false });
    expect(sent).toEqual([1, 2, 3].map((place) => makeBurst(place).id));
    expect(answers).toEqual(['delivered', 'delivered', 'delivered']);
    expect((await monitor.status(clock.now())).events).toBe(0);
  });

  it('tells of a wait that was asked for also when it can’t be written down', async () => {
    const busy = () => new Response('', { status: 503, headers: { 'Retry-After': '20' } });
    const queue = openQueue(createMemoryStorage());
    const waits: number[] = [];
    const { flush } = setUp(busy, {
      queue: { ...queue.delivery, release: () => Promise.reject(new Error('full')) },
      onAnswer: (_endpoint, _done, holdUntil) => waits.push(holdUntil),
    });
    await queue.events.enqueue(makeBurst(1), false);
    expect(await flush()).toMatchObject({ ok: false });
    expect(waits[0]).toBeGreaterThanOrEqual(NOW + 20_000);
  });

  it('sends plain in the end to who says 415 with a wait, whatever the batch', async () => {
    const clock = new FakeClock();
    const queue = openQueue(createMemoryStorage());
    const platform = fakePlatform(clock, async (_url, init) =>
      init.body instanceof ArrayBuffer
        ? new Response('', { status: 415, headers: { 'Retry-After': '1' } })
        : receiptFor(init),
    );
    const gzip = () => Promise.resolve(new ArrayBuffer(10));
    const { flush, dueAt } = setUp(receiptFor, { queue: queue.delivery, platform: { ...platform, gzip } });
    await queue.events.enqueue(makeBurst(1, 500), false);
    for (let turn = 0; turn < 5; turn++) {
      await flush();
      clock.nowMs = Math.max(clock.nowMs, (await dueAt()) ?? 0);
    }
    expect((await queue.monitor.status(clock.nowMs)).events).toBe(0);
  });

  it('says how many requests there were also when it fails, so that nobody sends at once once more', async () => {
    const queue = openQueue(createMemoryStorage());
    const { flush } = setUp(offline, {
      queue: { ...queue.delivery, release: () => Promise.reject(new Error('lost')) },
    });
    await queue.events.enqueue(makeBurst(1), false);
    expect(await flush()).toMatchObject({ ok: false, requests: 1 });
  });

  it('does not ask for more where it took all that was due', async () => {
    const queue = openQueue(createMemoryStorage());
    let leases = 0;
    const { flush } = setUp(receiptFor, {
      queue: { ...queue.delivery, lease: (request) => (leases++, queue.delivery.lease(request)) },
    });
    await queue.events.enqueue(makeBurst(1), false);
    await flush();
    expect(leases).toBe(1);
  });

  it('leaves what is stored during a run for the next one, so that it can share a request', async () => {
    let stored = 0;
    const { events, monitor, flush, sent, clock } = setUp(async (init) => {
      if (stored < 5) await events.enqueue(makeBurst(10 + ++stored), false);
      return receiptFor(init);
    });
    await events.enqueue(makeBurst(1), false);
    expect(await flush()).toMatchObject({ ok: true, requests: 1 });
    expect((await monitor.status(clock.now())).events).toBe(1);
    await flush();
    expect(sent).toEqual([makeBurst(1).id, makeBurst(11).id]);
  });

  it('stops at the first failure and tries again when the wait is over, never earlier', async () => {
    const { events, flush, dueAt, sent, clock } = setUp((init, call) =>
      call === 1 ? offline() : receiptFor(init),
    );
    await events.enqueue(makeBurst(1), false);
    await flush();
    const nextMs = await dueAt();
    await events.enqueue(makeBurst(2), false);
    await flush();
    expect(sent).toHaveLength(1);
    clock.nowMs = nextMs ?? 0;
    await flush();
    expect(sent).toEqual([makeBurst(1).id, makeBurst(1).id, makeBurst(2).id]);
  });

  it('with a hint tries once in spite of silence, without a loop, even if the clock goes back', async () => {
    const { events, flush, sent, clock } = setUp(() => {
      clock.nowMs -= 1_000;
      return offline();
    });
    await events.enqueue(makeBurst(1), false);
    await flush();
    clock.nowMs += 1;
    await flush(true);
    expect(sent).toHaveLength(2);
  });

  it('obeys Retry-After against any hint', async () => {
    const busy = () => new Response('', { status: 429, headers: { 'Retry-After': '10' } });
    const { events, flush, sent, clock } = setUp((init, call) => (call === 1 ? busy() : receiptFor(init)));
    await events.enqueue(makeBurst(1), false);
    await flush(true);
    clock.nowMs += 9_999;
    await events.enqueue(makeBurst(2), false);
    await flush(true);
    expect(sent).toHaveLength(1);
    clock.nowMs += 600;
    await flush();
    expect(sent).toHaveLength(3);
  });

  it('splits a batch that is too large until it fits, with a pause before each request', async () => {
    const times: number[] = [];
    const { events, flushFor, monitor, clock } = setUp((init) => {
      times.push(clock.nowMs);
      return readBody(init.body).events.length > 1 ? new Response('', { status: 413 }) : receiptFor(init);
    });
    await events.enqueue(makeBurst(1, 4), false);
    await flushFor(1);
    expect(times).toHaveLength(7);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(250);
    const { batches, state } = await monitor.status(clock.now());
    expect([batches, state.total.rejected]).toEqual([0, 0]);
  });

  it('loses nothing to a proxy that calls everything too large, and does not storm it', async () => {
    const { events, flushFor, sent, monitor, clock } = setUp(() => new Response('', { status: 413 }));
    await events.enqueue(makeBurst(1, 200), false);
    await flushFor(1);
    expect((await monitor.status(clock.now())).events).toBe(200);
    expect(sent.length).toBeLessThan(60);
  });

  it.each([403, 406, 413, 500])(
    'delivers all but the event that a firewall answers with %i, wherever it lies',
    async (status) => {
      const { events, flushFor, monitor, clock } = setUp((init) =>
        readBody(init.body).text.includes('"bad"') ? new Response('', { status }) : receiptFor(init),
      );
      await events.enqueue(makeBurst(1, 4), false);
      await events.enqueue(makeBurst(2, 1, '{"n":"bad"}'), false);
      await events.enqueue(makeBurst(3, 4), false);
      for (let place = 10; place < 100; place++) {
        await flushFor(0.1);
        await events.enqueue(makeBurst(place), false);
      }
      await flushFor(0.5);
      const { events: left, state } = await monitor.status(clock.now());
      expect(left + state.total.rejected).toBe(1);
    },
  );

  it('never lets one bad batch hold up the others', async () => {
    const { events, flush, answers } = setUp((init, call) => {
      const value = { code: 'BATCH_CONFLICT', message: 'm', batch: readBody(init.body).batch };
      return call === 1 ? Response.json([{ value, children: [] }], { status: 422 }) : receiptFor(init);
    });
    await events.enqueue(makeBurst(1, 1000), false);
    await events.enqueue(makeBurst(2), false);
    await flush();
    expect(answers).toEqual(['rejected', 'delivered']);
  });

  it('keeps a batch whose removal failed, and sends it again under its id', async () => {
    const queue = openQueue(createMemoryStorage());
    let isBroken = true;
    const delivery = {
      ...queue.delivery,
      acknowledge: (...args: Parameters<typeof queue.delivery.acknowledge>) =>
        isBroken ? Promise.reject(new Error('dead')) : queue.delivery.acknowledge(...args),
    };
    const { flush, dueAt, sent, clock } = setUp(receiptFor, { queue: delivery });
    await queue.events.enqueue(makeBurst(1), false);
    expect(await flush()).toMatchObject({ ok: false });
    isBroken = false;
    clock.nowMs += 90_000;
    expect(await flush()).toMatchObject({ ok: true });
    expect(await dueAt()).toBeNull();
    expect(sent).toEqual([makeBurst(1).id, makeBurst(1).id]);
  });
});

describe('flush lock', () => {
  const held: Locks = {
    request: (_name, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      }),
  };

  it('is not waited for for ever: a frozen tab may hold it', async () => {
    const clock = new FakeClock();
    const platform = fakePlatform(clock, offline);
    const result = withFlushLock(held, 'test', platform, (isLocked) => Promise.resolve(isLocked));
    await clock.advance(LOCK_WAIT_MS);
    expect(await result).toBe(false);
  });

  it('is not given up once it is had', async () => {
    const clock = new FakeClock();
    let isAborted = false;
    const free: Locks = {
      request(_name, { signal }, callback) {
        signal.addEventListener('abort', () => (isAborted = true));
        return callback();
      },
    };
    const task = () => new Promise<number>((resolve) => clock.after(2 * LOCK_WAIT_MS, () => resolve(1)));
    const result = withFlushLock(free, 'test', fakePlatform(clock, offline), task);
    await clock.advance(2 * LOCK_WAIT_MS);
    expect([await result, isAborted]).toEqual([1, false]);
  });

  it('passes the task’s own error on and runs it once', async () => {
    const free: Locks = { request: (_name, _options, callback) => callback() };
    let runs = 0;
    const result = withFlushLock(free, 'test', fakePlatform(new FakeClock(), offline), () => {
      runs++;
      return Promise.reject(new Error('mine'));
    });
    await expect(result).rejects.toThrow('mine');
    expect(runs).toBe(1);
  });
});

describe('runInTurn', () => {
  it('never satisfies a call by a run that had already begun, and lets the waiting share one', async () => {
    const begun: number[] = [];
    let finish: (() => void)[] = [];
    const run = runInTurn(
      (wish: number) => {
        begun.push(wish);
        return new Promise<number>((resolve) => finish.push(() => resolve(wish)));
      },
      (left, right) => left + right,
    );
    const first = run(1);
    await settle();
    const second = run(2);
    const third = run(4);
    await settle();
    expect(begun).toEqual([1]);
    finish.forEach((end) => end());
    finish = [];
    await settle();
    expect(begun).toEqual([1, 6]);
    finish.forEach((end) => end());
    expect(await Promise.all([first, second, third])).toEqual([1, 6, 6]);
  });

  it('goes on after a run that failed', async () => {
    let calls = 0;
    const run = runInTurn(
      () => (calls++ === 0 ? Promise.reject(new Error('no')) : Promise.resolve(calls)),
      () => undefined,
    );
    await expect(run(undefined)).rejects.toThrow('no');
    expect(await run(undefined)).toBe(2);
  });
});
