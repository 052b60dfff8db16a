import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha1 } from '../../../client/delivery/sha1.ts';
import { childId, splitBatch } from '../../../client/delivery/split-batch.ts';
import { isDoubtful } from '../../../client/queue/records.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import { present } from '../../support/client-assert.ts';
import { makeBurst, openQueue } from '../../support/client-queue.ts';

const digest = (bytes: Uint8Array) => Promise.resolve(sha1(bytes));

describe('SHA-1 of our own', () => {
  it('is the real one, at every length around a block', () => {
    for (let length = 0; length < 140; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 37) & 0xff);
      const expected = createHash('sha1').update(bytes).digest('hex');
      expect(Buffer.from(sha1(bytes)).toString('hex')).toBe(expected);
    }
  });
});

describe('split', () => {
  it('names a child as UUID version 5 does', async () => {
    const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
    expect(await childId(dns, 'www.example.com', digest)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('cuts at half, rounded up, and keeps texts, places and bytes', async () => {
    const { events, leaseNow } = openQueue(createMemoryStorage());
    await events.enqueue(makeBurst(1, 3, '{"a":"é,]"}'), false);
    await events.enqueue(makeBurst(2, 2), false);
    const { batch } = await leaseNow();
    const [left, right] = await splitBatch(batch, digest, false);
    expect([left?.count, right?.count]).toEqual([3, 2]);
    expect(`${left?.events},${right?.events}`).toBe(batch.events);
    expect(left?.bytes).toBe(Buffer.byteLength(present(left).events));
    expect(left?.id).toBe(await childId(batch.id, '0', digest));
    const [first, second] = await splitBatch(present(right), digest, true);
    expect([present(left), present(first)].map(isDoubtful)).toEqual([false, true]);
    expect([first?.offset, second?.offset]).toEqual([3, 4]);
    expect(second?.parents).toEqual([batch.id, right?.id]);
    expect(second?.bursts).toEqual([{ burst: makeBurst(2).id, start: 1, count: 1 }]);
  });
});
