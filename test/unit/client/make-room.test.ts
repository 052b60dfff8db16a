import { describe, expect, it } from 'vitest';
import { permit, readUnnoted } from '../../../client/queue/ballast.ts';
import { findUnwritten } from '../../../client/queue/lease-batch.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import { BALLAST_BYTES, LEASE_MS, MAX_QUEUED_BYTES, ROUND_MS } from '../../../client/queue/queue-limits.ts';
import { keysFrom } from '../../../client/queue/storage.ts';
import { limitStorage } from '../../support/client-full-storage.ts';
import { ENDPOINT, makeAnswer, makeBurst, NOW, openQueue } from '../../support/client-queue.ts';

const PLENTY = 10_000_000;

async function setUp(bursts: number, options: { readonly ballast: boolean }) {
  const room = { left: PLENTY };
  const queue = openQueue(limitStorage(createMemoryStorage(), room));
  if (options.ballast) await queue.monitor.reserve(NOW);
  for (let place = 1; place <= bursts; place++) {
    await queue.events.enqueue(makeBurst(place, 1, '"'.padEnd(2_000, 'x')), false);
  }
  const ledger = async () => (await queue.monitor.status(NOW)).state.total;
  return { ...queue, room, ledger };
}

describe('a full storage', () => {
  it('gives up its ballast for a lease, and merges nothing from then on', async () => {
    const { lease, ledger, room } = await setUp(3, { ballast: true });
    room.left = 0;
    expect((await lease())?.batch).toMatchObject({ id: makeBurst(1).id, count: 1 });
    expect((await lease())?.batch).toMatchObject({ id: makeBurst(2).id, count: 1 });
    expect((await ledger()).dropped).toBe(0);
    expect(room.left).toBeGreaterThan(BALLAST_BYTES / 2);
  });

  it('merges again when all of that time have left the queue', async () => {
    const { delivery, events, lease, leaseNow, room } = await setUp(2, { ballast: true });
    room.left = 0;
    const leases = [await leaseNow(), await leaseNow()];
    room.left = PLENTY;
    for (const { batch } of leases) await delivery.acknowledge(batch, [], makeAnswer('delivered'));
    expect(await lease()).toBeUndefined();
    for (const place of [3, 4]) await events.enqueue(makeBurst(place), false);
    expect((await leaseNow()).batch).toMatchObject({ id: makeBurst(3).id, count: 2 });
  });

  it('merges again what an emptied queue gets with earlier places, after the clock was set back', async () => {
    const { delivery, events, leaseNow, monitor, room } = await setUp(0, { ballast: false });
    await events.enqueue(makeBurst(9), false);
    room.left = 10;
    await leaseNow();
    room.left = PLENTY;
    await delivery.acknowledge((await leaseNow()).batch, [], makeAnswer('delivered'));
    await monitor.reserve(NOW);
    for (const place of [1, 2]) await events.enqueue(makeBurst(place), false);
    expect((await leaseNow()).batch.count).toBe(2);
  });

  it('forgets which places go alone with the last of them, though they lay ahead of the clock', async () => {
    const { delivery, events, leaseNow, room } = await setUp(0, { ballast: false });
    await events.enqueue(makeBurst(9), false);
    room.left = 10;
    await leaseNow();
    room.left = PLENTY;
    await delivery.acknowledge((await leaseNow()).batch, [], makeAnswer('delivered'));
    for (const place of [1, 2]) await events.enqueue(makeBurst(place), false);
    expect((await leaseNow()).batch.count).toBe(2);
  });

  it('remembers until when something may have been sent without a note, whatever the clock says later', async () => {
    for (const shiftMs of [-100, 100]) {
      const { monitor, storage } = await setUp(1, { ballast: true });
      await storage.transact(['endpoints', 'fresh'], (tx) => permit(tx, NOW));
      await storage.transact(['fresh'], (tx) => tx.delete('fresh', keysFrom(ENDPOINT)));
      await monitor.reserve(NOW + shiftMs);
      expect(await storage.transact(['endpoints'], readUnnoted)).toEqual({ upTo: '', before: NOW });
    }
  });

  it('merges nothing while one is left that may have been sent without a note', async () => {
    const { lease, leaseNow, monitor, room } = await setUp(3, { ballast: false });
    room.left = 0;
    expect((await leaseNow()).batch.id).toBe(makeBurst(1).id);
    room.left = PLENTY;
    await monitor.reserve(NOW);
    expect((await lease())?.batch).toMatchObject({ id: makeBurst(1).id, count: 1 });
  });

  it('leases each in its turn where not even a lease can be noted, and then rests', async () => {
    const { lease, ledger, monitor, room } = await setUp(2, { ballast: false });
    room.left = 10;
    expect((await lease())?.batch).toMatchObject({ id: makeBurst(1).id, count: 1, ledger: null });
    expect((await lease())?.batch).toMatchObject({ id: makeBurst(2).id, count: 1, ledger: null });
    expect(await lease()).toBeUndefined();
    expect(await lease(NOW + ROUND_MS - 1)).toBeUndefined();
    expect((await lease(NOW + ROUND_MS))?.batch.id).toBe(makeBurst(1).id);
    expect([(await ledger()).dropped, (await monitor.status(NOW)).events]).toEqual([0, 2]);
  });

  it('leases what was sent before without a note, once it is nobody else’s', async () => {
    const { leaseNow, lease, room } = await setUp(1, { ballast: false });
    const { batch } = await leaseNow();
    room.left = 10;
    expect(await lease()).toBeUndefined();
    expect((await lease(NOW + LEASE_MS))?.batch.id).toBe(batch.id);
  });

  it('leaves alone what another one is sending', async () => {
    const { events, leaseNow, room } = await setUp(1, { ballast: false });
    await leaseNow();
    await events.enqueue(makeBurst(2), false);
    room.left = 10;
    expect((await leaseNow()).batch.id).toBe(makeBurst(2).id);
  });

  it('leases nothing without a note while there may be merging', async () => {
    const { storage } = await setUp(1, { ballast: true });
    const request = { endpoint: ENDPOINT, nowMs: NOW, urgentBeforeMs: 0, isLocked: false };
    const stores = ['fresh', 'sent', 'endpoints'] as const;
    expect(await storage.transact(stores, (tx) => findUnwritten(tx, request, new Set()))).toBeUndefined();
  });

  it('reports losses only with what was certainly not sent without them', async () => {
    const { delivery, events, lease, leaseNow, room } = await setUp(1, { ballast: false });
    room.left = 10;
    await leaseNow();
    room.left = PLENTY;
    await events.enqueue({ ...makeBurst(2), lost: { 'dropped:memory': 3 } }, false);
    for (const place of [1, 2]) {
      const { batch } = await leaseNow();
      expect([batch.id, batch.ledger]).toEqual([makeBurst(place).id, null]);
      await delivery.acknowledge(batch, [], makeAnswer('delivered'));
    }
    expect(await lease()).toBeUndefined();
    await events.enqueue(makeBurst(3), false);
    expect((await leaseNow()).batch.ledger?.dropped).toBe(3);
  });

  it('merges what comes once there is room again, beside what has to go alone', async () => {
    const { events, leaseNow, room } = await setUp(3, { ballast: false });
    room.left = 10;
    await leaseNow();
    room.left = PLENTY;
    expect((await leaseNow()).batch).toMatchObject({ id: makeBurst(1).id, count: 1 });
    for (const place of [4, 5]) await events.enqueue(makeBurst(place), false);
    for (const place of [2, 3])
      expect(await leaseNow()).toMatchObject({ isLast: false, batch: { id: makeBurst(place).id, count: 1 } });
    expect(await leaseNow()).toMatchObject({ isLast: true, batch: { id: makeBurst(4).id, count: 2 } });
  });

  it('takes what may have been sent without a note for doubtful', async () => {
    const { delivery, leaseNow, room, storage } = await setUp(2, { ballast: false });
    const refused = { notBefore: NOW, holdUntil: NOW, silent: false, isUnsure: false };
    const { batch } = await leaseNow();
    await delivery.release(batch, refused, makeAnswer('retry'));
    room.left = 10;
    expect((await leaseNow(NOW + 1)).batch.id).toBe(batch.id);
    room.left = 10 * MAX_QUEUED_BYTES;
    const other = openQueue(storage);
    expect((await other.leaseNow(NOW + 2)).wasDoubtful).toBe(true);
  });

  it('counts what was sent as unconfirmed while it may have been sent again without a note', async () => {
    const { delivery, events, leaseNow, ledger, monitor, room } = await setUp(1, { ballast: false });
    const refused = { notBefore: NOW, holdUntil: NOW, silent: false, isUnsure: false };
    await delivery.release((await leaseNow()).batch, refused, makeAnswer('retry'));
    room.left = 10;
    await leaseNow(NOW + 1);
    room.left = 10 * MAX_QUEUED_BYTES;
    await events.enqueue({ ...makeBurst(2), bytes: MAX_QUEUED_BYTES }, false);
    await monitor.trim(NOW + 2);
    expect(await ledger()).toMatchObject({ dropped: 0, unconfirmed: 1 });
  });

  it('leases what was never sent as doubtful if it may have been sent without a note', async () => {
    const { leaseNow, room } = await setUp(1, { ballast: false });
    room.left = 10;
    await leaseNow();
    room.left = PLENTY;
    expect((await leaseNow()).wasDoubtful).toBe(true);
  });

  it('waits after silence although the lease was not written', async () => {
    const { delivery, lease, leaseNow, room } = await setUp(2, { ballast: false });
    room.left = 10;
    const { batch } = await leaseNow();
    const wait = { notBefore: NOW, holdUntil: NOW + 5_000, silent: true };
    await delivery.release(batch, wait, makeAnswer('retry'));
    expect(await lease(NOW + 4_999)).toBeUndefined();
    expect(await lease(NOW + 4_999, NOW + 4_999)).toMatchObject({ failures: 1 });
  });

  it('fails where not even deleting is possible, and changes nothing', async () => {
    const { lease, monitor, room } = await setUp(1, { ballast: true });
    room.left = -1;
    await expect(lease()).rejects.toThrow('full');
    expect((await monitor.status(NOW)).events).toBe(1);
  });

  it('counts what the server never takes, though it was leased without a note', async () => {
    const { delivery, leaseNow, ledger, monitor, room } = await setUp(1, { ballast: false });
    room.left = 10;
    const { batch } = await leaseNow();
    const refusal = { sequence: 0, code: 'CODE', path: '', message: '' };
    expect(await delivery.setAside(batch, refusal, makeAnswer('rejected'))).toBeUndefined();
    expect([(await monitor.status(NOW)).events, (await ledger()).rejected]).toEqual([1, 0]);
    room.left = PLENTY;
    expect((await delivery.setAside(batch, refusal, makeAnswer('rejected')))?.outcome).toBe('rejected');
    expect([(await monitor.status(NOW)).events, (await ledger()).rejected]).toEqual([0, 1]);
  });

  it('lets others go before what it has no room to split', async () => {
    const { delivery, events, lease, leaseNow, room } = await setUp(1, { ballast: false });
    const { batch } = await leaseNow(NOW, 0, true);
    await events.enqueue(makeBurst(2), false);
    room.left = 0;
    await delivery.split(batch, [batch], NOW + 1_000, makeAnswer('split'));
    room.left = PLENTY;
    expect(await lease(NOW + 999, 0, true)).toBeUndefined();
    expect((await leaseNow(NOW + 1_000, 0, true)).batch.id).toBe(makeBurst(2).id);
  });

  it('lets others go before what it could not even remove', async () => {
    const { delivery, leaseNow, room } = await setUp(2, { ballast: false });
    room.left = 10;
    const { batch } = await leaseNow();
    room.left = -1;
    await expect(delivery.acknowledge(batch, [], makeAnswer('delivered'))).rejects.toThrow('full');
    room.left = 10;
    expect((await leaseNow()).batch.id).toBe(makeBurst(2).id);
  });

  it('removes what was leased without a note when it is acknowledged', async () => {
    const { delivery, leaseNow, monitor, room } = await setUp(2, { ballast: false });
    room.left = 10;
    for (const left of [1, 0]) {
      const { batch } = await leaseNow();
      const done = await delivery.acknowledge(batch, [], makeAnswer('delivered'));
      expect(done).toMatchObject({ id: batch.id, outcome: 'delivered', bursts: [{ burst: batch.id }] });
      expect((await monitor.status(NOW)).events).toBe(left);
    }
  });

  it('keeps a wait for which there is no room, and tells when it ends', async () => {
    const { delivery, lease, leaseNow, room } = await setUp(3, { ballast: false });
    room.left = 10;
    const { batch } = await leaseNow();
    const wait = { notBefore: NOW, holdUntil: NOW + 20_000, silent: false };
    await delivery.release(batch, wait, makeAnswer('retry'));
    expect(await lease(NOW + 19_999, NOW + 19_999)).toBeUndefined();
    expect((await delivery.status(ENDPOINT, NOW)).dueAt).toBe(NOW + 20_000);
    expect((await lease(NOW + 20_000))?.batch.id).toBe(makeBurst(2).id);
    await delivery.release(batch, wait, makeAnswer('retry'));
    await delivery.acknowledge(batch, [], makeAnswer('delivered'));
    expect(await lease()).toBeDefined();
  });

  it('opens no wait that was asked for to hints, by the silence of another', async () => {
    const { delivery, lease, leaseNow, room } = await setUp(3, { ballast: false });
    room.left = 10;
    const [first, second] = [await leaseNow(), await leaseNow()];
    const asked = { notBefore: NOW, holdUntil: NOW + 20_000, silent: false };
    await delivery.release(first.batch, asked, makeAnswer('retry'));
    await delivery.release(
      second.batch,
      { ...asked, holdUntil: NOW + 5_000, silent: true },
      makeAnswer('retry'),
    );
    expect(await lease(NOW + 19_999, NOW + 19_999)).toBeUndefined();
  });

  it('keeps what was delivered while its refusals can not be counted', async () => {
    const { delivery, lease, leaseNow, ledger, monitor, room } = await setUp(1, { ballast: false });
    room.left = 10;
    const { batch } = await leaseNow();
    const refusals = [{ sequence: 0, code: 'CODE', path: '', message: '' }];
    expect(await delivery.acknowledge(batch, refusals, makeAnswer('delivered'))).toBeUndefined();
    expect((await monitor.status(NOW)).events).toBe(1);
    expect(await lease()).toBeUndefined();
    expect((await delivery.status(ENDPOINT, NOW)).dueAt).toBe(NOW + ROUND_MS);
    room.left = PLENTY;
    await delivery.acknowledge(batch, refusals, makeAnswer('delivered'));
    expect([(await monitor.status(NOW)).events, (await ledger()).rejected]).toEqual([0, 1]);
  });

  it('counts what it drops as unconfirmed while it may have been sent without a note', async () => {
    const { events, leaseNow, ledger, monitor, room } = await setUp(1, { ballast: false });
    room.left = 10;
    await leaseNow();
    room.left = 10 * MAX_QUEUED_BYTES;
    await events.enqueue({ ...makeBurst(2), bytes: MAX_QUEUED_BYTES }, false);
    await monitor.trim(NOW);
    expect(await ledger()).toMatchObject({ dropped: 0, unconfirmed: 1 });
  });

  it('writes a burst once more whose write was refused, but not one that may have left without a note', async () => {
    const { delivery, events, leaseNow, ledger, monitor, room } = await setUp(0, { ballast: false });
    // So short that what it leaves is no room for a note.
    await events.enqueue(makeBurst(1), false);
    const repeat = { ...makeBurst(1), triedAt: NOW, repeatedAt: NOW };
    room.left = 10;
    const { batch } = await leaseNow();
    await delivery.acknowledge(batch, [], makeAnswer('delivered'));
    room.left = PLENTY;
    expect(await events.enqueue({ ...repeat, isUnsure: true }, true)).toBe(false);
    expect((await ledger()).unconfirmed).toBe(1);
    await monitor.reserve(NOW);
    expect(
      await events.enqueue({ ...makeBurst(2), triedAt: NOW, repeatedAt: NOW, isUnsure: true }, true),
    ).toBe(false);
    expect(await events.enqueue({ ...makeBurst(3), triedAt: NOW, repeatedAt: NOW }, true)).toBe(true);
  });

  it('does not write what may have left without a note, though the clock was set back since', async () => {
    const { delivery, events, leaseNow, ledger, monitor, room } = await setUp(0, { ballast: false });
    await events.enqueue(makeBurst(1), false);
    room.left = 10;
    await delivery.acknowledge((await leaseNow()).batch, [], makeAnswer('delivered'));
    room.left = PLENTY;
    const repeat = { triedAt: NOW, repeatedAt: NOW - 150, isUnsure: true };
    expect(await events.enqueue({ ...makeBurst(1), ...repeat }, true)).toBe(false);
    await monitor.reserve(NOW - 160);
    expect(await events.enqueue({ ...makeBurst(2), ...repeat }, true)).toBe(false);
    expect((await ledger()).unconfirmed).toBe(2);
    expect(await events.enqueue({ ...makeBurst(3), ...repeat, triedAt: NOW - 155 }, true)).toBe(true);
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
    const { delivery, leaseNow, monitor, room } = await setUp(1, { ballast: false });
    const { batch } = await leaseNow();
    room.left = 10;
    const done = await delivery.acknowledge(batch, [], makeAnswer('delivered'));
    expect(done?.outcome).toBe('delivered');
    expect((await monitor.status(NOW)).events).toBe(0);
    expect(await monitor.done()).toHaveLength(1);
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
