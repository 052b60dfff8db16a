import { beforeEach, describe, expect, it } from 'vitest';
import type { FlusherParts } from '../../../client/delivery/flusher.ts';
import { sendLeaving } from '../../../client/delivery/send-leaving.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import { receiptFor } from '../../support/client-body.ts';
import { FakeClock, fakePlatform, settle } from '../../support/client-clock.ts';
import { ENDPOINT, makeBurst, NOW, openQueue } from '../../support/client-queue.ts';

describe('sending what a page has not stored yet when it goes', () => {
  let clock: FakeClock;
  let sent: RequestInit[];
  let answer: (init: RequestInit) => Promise<Response>;
  let queue: ReturnType<typeof openQueue>;
  let parts: FlusherParts;
  beforeEach(() => {
    clock = new FakeClock();
    sent = [];
    answer = (init) => Promise.resolve(receiptFor(init));
    queue = openQueue(createMemoryStorage());
    parts = {
      queue: queue.delivery,
      platform: fakePlatform(clock, (_url, init) => {
        sent.push(init);
        return answer(init);
      }),
      locks: undefined,
      lockName: 'test',
      onAnswer: () => undefined,
    };
  });
  const leaving = (place: number, count = 1) => ({ ...makeBurst(place, count), endpoint: ENDPOINT });

  it('begins the request before anything else can happen, so that it outlives the page and needs no preflight', () => {
    sendLeaving(parts, leaving(1));
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ keepalive: true, headers: { 'Content-Type': 'text/plain' } });
  });

  it('leaves nothing behind once it is acknowledged', async () => {
    const store = sendLeaving(parts, leaving(1));
    await store?.();
    await settle();
    expect((await queue.monitor.status(NOW)).events).toBe(0);
    expect((await queue.monitor.done()).map((done) => done.outcome)).toEqual(['delivered']);
  });

  it('stores it as sent, so that it is sent again under its id and merged with nothing', async () => {
    answer = () => new Promise(() => undefined);
    await sendLeaving(parts, leaving(1, 2))?.();
    await queue.events.enqueue(makeBurst(2), false);
    const again = await queue.leaseNow(NOW + 10_000);
    expect([again.batch.id, again.batch.count, again.wasDoubtful]).toEqual([makeBurst(1).id, 2, true]);
  });

  it('is harmless when it is stored again after it was acknowledged', async () => {
    const store = sendLeaving(parts, leaving(1));
    await store?.();
    await settle();
    await store?.();
    expect(await queue.lease(NOW + 10_000)).toBeUndefined();
  });

  it('is stored again if that failed, and not sent a second time at once', async () => {
    answer = () => new Promise(() => undefined);
    let isFull = true;
    const whole = parts.queue;
    parts = {
      ...parts,
      queue: {
        ...whole,
        adopt: (batch, isRepeat) =>
          isFull ? Promise.reject(new Error('full')) : whole.adopt(batch, isRepeat),
      },
    };
    const store = sendLeaving(parts, leaving(1));
    await expect(store?.()).rejects.toThrow('full');
    isFull = false;
    await store?.();
    expect([(await queue.monitor.status(NOW)).events, sent.length]).toEqual([1, 1]);
  });

  it('leaves a large burst to the queue', () => {
    expect(sendLeaving(parts, { ...leaving(1), bytes: 60_000 })).toBeUndefined();
    expect(sent).toEqual([]);
  });

  it('brings nothing back that was split since it was stored', async () => {
    answer = () => Promise.resolve(new Response('', { status: 413 }));
    const whole = parts.queue;
    let isFirst = true;
    parts = {
      ...parts,
      queue: {
        ...whole,
        async adopt(batch, isRepeat) {
          await whole.adopt(batch, isRepeat);
          // Stored, but told as failed.
          const wasFirst = isFirst;
          isFirst = false;
          if (wasFirst) throw new Error('lost');
        },
      },
    };
    const store = sendLeaving(parts, leaving(1, 4));
    await expect(store?.()).rejects.toThrow('lost');
    await settle();
    await store?.();
    expect(await queue.monitor.status(NOW)).toMatchObject({ batches: 2, events: 4 });
  });
});
