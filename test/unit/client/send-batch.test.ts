import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Platform } from '../../../client/delivery/platform.ts';
import { REQUEST_LIMIT_MS, sendBatch, writeBody } from '../../../client/delivery/send-batch.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import type { SentBatch } from '../../../client/queue/records.ts';
import { readBody, receiptFor } from '../../support/client-body.ts';
import { FakeClock, fakePlatform, settle } from '../../support/client-clock.ts';
import { ENDPOINT, makeBurst, NOW, openQueue } from '../../support/client-queue.ts';

async function leaseBatch(count = 2): Promise<SentBatch> {
  const { events, leaseNow } = openQueue(createMemoryStorage());
  await events.enqueue(makeBurst(1, count), false);
  return (await leaseNow()).batch;
}

describe('send', () => {
  let clock: FakeClock;
  let calls: { url: string; init: RequestInit }[];
  beforeEach(() => {
    clock = new FakeClock();
    calls = [];
  });

  function platformOf(reply: (init: RequestInit) => Response | Promise<Response>): Platform {
    return fakePlatform(clock, async (url, init) => {
      calls.push({ url, init });
      return reply(init);
    });
  }

  it('posts the events as they were frozen, with what identifies them', async () => {
    const batch = await leaseBatch();
    const answer = await sendBatch(batch, platformOf(receiptFor));
    expect(answer).toEqual({ kind: 'receipt', status: 200, refusals: [] });
    expect(calls).toMatchObject([
      {
        url: ENDPOINT,
        init: { method: 'POST', credentials: 'omit', headers: { 'Content-Type': 'application/json' } },
      },
    ]);
    expect(JSON.parse(readBody(calls[0]?.init.body).text)).toEqual({
      batch: batch.id,
      sentAt: NOW,
      prefer: 'return=minimal, handling=lenient',
      events: [{ n: 1 }, { n: 1 }],
    });
  });

  it('names parents and losses where there are any', async () => {
    const ledger = { dropped: 1, expired: 0, rejected: 0, unconfirmed: 0 };
    const batch = { ...(await leaseBatch()), parents: ['p'], offset: 7, ledger };
    expect(JSON.parse(writeBody(batch, NOW))).toMatchObject({ parents: ['p'], offset: 7, ledger });
  });

  it('is silent about a network error and about an answer that breaks off', async () => {
    const batch = await leaseBatch();
    expect(
      await sendBatch(
        batch,
        platformOf(() => Promise.reject(new TypeError('failed'))),
      ),
    ).toEqual({ kind: 'silent' });
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error('cut')) });
    expect(
      await sendBatch(
        batch,
        platformOf(() => new Response(broken)),
      ),
    ).toEqual({ kind: 'silent' });
  });

  it('gives up a request that takes too long', async () => {
    const batch = await leaseBatch();
    const answer = sendBatch(
      batch,
      platformOf(
        (init) =>
          new Promise((_, reject) => {
            init.signal?.addEventListener('abort', () => reject(new Error('aborted')));
          }),
      ),
    );
    await clock.advance(REQUEST_LIMIT_MS);
    expect(await answer).toEqual({ kind: 'silent' });
  });

  it('compresses a large body, and sends it plain at once to who can’t inflate', async () => {
    const batch = await leaseBatch(500);
    const gzip = async (text: string) => new Uint8Array(gzipSync(text)).buffer;
    const replies = [new Response('', { status: 415 })];
    const platform = { ...platformOf((init) => replies.shift() ?? receiptFor(init)), gzip };
    expect(await sendBatch(batch, platform)).toMatchObject({ kind: 'receipt' });
    expect(calls[0]?.init.headers).toMatchObject({ 'Content-Encoding': 'gzip' });
    const { body } = calls[0]?.init ?? {};
    const inflated = body instanceof ArrayBuffer ? gunzipSync(body).toString() : '';
    expect(inflated).toBe(calls[1]?.init.body);
    expect(calls[1]?.init.headers).not.toHaveProperty('Content-Encoding');
  });

  it.each([400, 415])('asks nothing again at once of who said %i and asked for a wait', async (status) => {
    const batch = await leaseBatch(500);
    const gzip = async (text: string) => new Uint8Array(gzipSync(text)).buffer;
    const wait = () => new Response('', { status, headers: { 'Retry-After': '10' } });
    const platform = { ...platformOf(wait), gzip };
    expect(await sendBatch(batch, platform)).toMatchObject({ kind: 'refused', retryAfterMs: 10_000 });
    expect(calls).toHaveLength(1);
  });

  it('sends plain when compressing fails', async () => {
    const batch = await leaseBatch(500);
    const platform = { ...platformOf(receiptFor), gzip: () => Promise.reject(new Error('no')) };
    expect(await sendBatch(batch, platform)).toMatchObject({ kind: 'receipt' });
    expect(calls).toHaveLength(1);
  });

  it('outlives its page without a preflight, within the bytes that browsers allow for all together', async () => {
    const batch = await leaseBatch(500);
    const large = { ...batch, events: '"'.padEnd(35_000, 'x') };
    const answers: ((response: Response) => void)[] = [];
    const platform = platformOf(() => new Promise((resolve) => answers.push(resolve)));
    const pending = [large, large, batch].map((each) => sendBatch(each, platform, true));
    // The first and the last: the second has no room beside them.
    expect(calls.map(({ init }) => [init.keepalive, init.headers])).toEqual([
      [true, { 'Content-Type': 'text/plain' }],
      [true, { 'Content-Type': 'text/plain' }],
    ]);
    await settle();
    expect(calls[2]?.init).toMatchObject({
      keepalive: false,
      headers: { 'Content-Type': 'application/json' },
    });
    for (const answer of answers) answer(new Response(''));
    await Promise.all(pending);
    // What has been answered makes room.
    void sendBatch(large, platform, true);
    expect(calls[3]?.init.keepalive).toBe(true);
  });
});
