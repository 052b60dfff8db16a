import { describe, expect, it } from 'vitest';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import { BALLAST_BYTES, LEASE_MS } from '../../../client/queue/queue-limits.ts';
import { limitStorage } from '../../support/client-full-storage.ts';
import { makeAnswer, makeBurst, NOW, openQueue } from '../../support/client-queue.ts';

const PLENTY = 10_000_000;

async function setUp(bursts: number, options: { readonly ballast: boolean }) {
  const room = { left: PLENTY };
  const queue = openQueue(limitStorage(createMemoryStorage(), room));
  if (options.ballast) await queue.monitor.reserve();
  for (let place = 1; place <= bursts; place++) {
    await queue.events.enqueue(makeBurst(place, 1, '"'.padEnd(2_000, 'x')), false);
  }
  const ledger = async () => (await queue.monitor.status(NOW)).state.total;
  return { ...queue, room, ledger };
}

describe('a full storage', () => {
  it('gives up its ballast for a lease, merged as ever', async () => {
    const { lease, ledger, room } = await setUp(3, { ballast: true });
    room.left = 0;
    expect((await lease())?.batch.count).toBe(3);
    expect((await ledger()).dropped).toBe(0);
    expect(room.left).toBeGreaterThan(BALLAST_BYTES / 2);
  });

  it('leases unmerged where there is room for one part only', async () => {
    const { lease, ledger, room } = await setUp(3, { ballast: false });
    room.left = 3_000;
    expect((await lease())?.batch.count).toBe(1);
    expect((await ledger()).dropped).toBe(0);
  });

  it('drops the oldest, counted, until one can be leased', async () => {
    const { lease, ledger, monitor, room } = await setUp(3, { ballast: false });
    room.left = 1_500;
    const leased = await lease();
    expect(leased?.batch.id).toBe(makeBurst(2).id);
    expect((await ledger()).dropped).toBe(1);
    expect((await monitor.done()).map((done) => done.outcome)).toEqual(['dropped']);
  });

  it('fails where there is nothing to drop, and changes nothing', async () => {
    const { lease, monitor, room } = await setUp(1, { ballast: false });
    room.left = 10;
    await expect(lease()).rejects.toThrow('full');
    expect((await monitor.status(NOW)).events).toBe(1);
  });

  it('passes over a large batch that was sent and does not fit again, before it drops anything', async () => {
    const { events, leaseNow, lease, ledger, monitor, room } = await setUp(0, { ballast: false });
    await events.enqueue(makeBurst(1, 1, '"'.padEnd(8_000, 'x')), false);
    await leaseNow();
    for (const place of [2, 3]) await events.enqueue(makeBurst(place, 1, '"'.padEnd(1_000, 'x')), false);
    room.left = 2_000;
    const leased = await lease(NOW + LEASE_MS);
    expect(leased?.batch.id).toBe(makeBurst(2).id);
    expect([(await ledger()).dropped, (await monitor.status(NOW)).events]).toEqual([0, 3]);
  });

  it('writes down a wait that was asked for although there is no room for its batch', async () => {
    const { delivery, leaseNow, monitor, room } = await setUp(1, { ballast: false });
    const { batch } = await leaseNow();
    room.left = 1_000;
    const wait = { notBefore: NOW, holdUntil: NOW + 20_000, silent: false };
    await delivery.release(batch, wait, makeAnswer('retry'));
    expect((await monitor.status(NOW)).state.notBefore).toBe(NOW + 20_000);
  });

  it('lets go of what was acknowledged although not even the note of it can be written, and then writes it', async () => {
    const { delivery, leaseNow, ledger, monitor, room } = await setUp(1, { ballast: false });
    const { batch } = await leaseNow();
    room.left = 10;
    const refusals = [{ sequence: 0, code: 'CODE', path: '', message: '' }];
    const done = await delivery.acknowledge(batch, refusals, makeAnswer('delivered'));
    expect(done?.outcome).toBe('delivered');
    expect((await monitor.status(NOW)).events).toBe(0);
    expect((await ledger()).rejected).toBe(1);
  });

  it('holds up nobody for the silence of a lease that was lost', async () => {
    const { delivery, leaseNow, monitor, room } = await setUp(1, { ballast: false });
    const { batch } = await leaseNow();
    await leaseNow(NOW + LEASE_MS);
    room.left = 1_000;
    const wait = { notBefore: NOW, holdUntil: NOW + 400_000, silent: true };
    await delivery.release(batch, wait, makeAnswer('retry'));
    expect((await monitor.status(NOW)).state.notBefore).toBe(0);
  });
});
