import { splitBatch } from '../../client/delivery/split-batch.ts';
import { sha1 } from '../../client/delivery/sha1.ts';
import {
  CLOCK_SLACK_MS,
  LEASE_MS,
  MAX_DONE,
  MAX_SPAN_MS,
  MAX_WAIT_MS,
  YOUNG_DONE_MS,
} from '../../client/queue/queue-limits.ts';
import { keysFrom, type Storage } from '../../client/queue/storage.ts';
import { assertSame, present } from '../support/client-assert.ts';
import {
  type ContractCase,
  ENDPOINT,
  makeAnswer,
  makeBurst,
  NOW,
  openQueue,
} from '../support/client-queue.ts';
import { BOUNDS_CONTRACT } from './queue-bounds.contract.ts';
import { DONE_CONTRACT } from './queue-done.contract.ts';
import { HOLD_CONTRACT } from './queue-hold.contract.ts';
import { OPT_OUT_CONTRACT } from './queue-opt-out.contract.ts';

export async function runContractCase(name: string, storage: Storage): Promise<void> {
  await present(EVENT_QUEUE_CONTRACT.find((item) => item.name === name)).run(openQueue(storage));
}

const LOST = { dropped: 0, expired: 0, rejected: 2, unconfirmed: 0 };
const digest = (bytes: Uint8Array): Promise<ArrayBuffer> => Promise.resolve(sha1(bytes));

export const EVENT_QUEUE_CONTRACT: readonly ContractCase[] = [
  ...HOLD_CONTRACT,
  ...DONE_CONTRACT,
  ...OPT_OUT_CONTRACT,
  ...BOUNDS_CONTRACT,
  {
    name: 'enqueue > counts what it has stored',
    run: async ({ events, monitor }) => {
      await events.enqueue(makeBurst(1, 3), false);
      const { batches, events: count, bytes, oldestAt, dueAt } = await monitor.status(NOW);
      assertSame([batches, count, bytes, oldestAt, dueAt], [1, 3, 23, NOW + 1, NOW + 1]);
    },
  },
  {
    name: 'enqueue > stores a repeated burst once, wherever the first one went',
    run: async ({ events, monitor, delivery, leaseNow }) => {
      const merged = makeBurst(2);
      await events.enqueue(makeBurst(1), false);
      await events.enqueue(merged, false);
      await events.enqueue(merged, true);
      assertSame((await monitor.status(NOW)).events, 2);
      const { batch } = await leaseNow();
      await events.enqueue(merged, true);
      assertSame((await monitor.status(NOW)).events, 2);
      await delivery.acknowledge(batch, [], makeAnswer('delivered'));
      await events.enqueue(merged, true);
      assertSame((await monitor.status(NOW)).events, 0);
      await events.enqueue(makeBurst(3), true);
      assertSame((await monitor.status(NOW)).events, 1);
    },
  },
  {
    name: 'lease > makes one batch of what was never sent, oldest first',
    run: async ({ events, monitor, lease, leaseNow }) => {
      await events.enqueue(makeBurst(2, 1), false);
      await events.enqueue(makeBurst(1, 2), false);
      const { batch } = await leaseNow();
      assertSame([batch.id, batch.count, batch.events], [makeBurst(1).id, 3, '{"n":1},{"n":1},{"n":2}']);
      assertSame(batch.bytes, batch.events.length);
      assertSame(
        batch.bursts.map((range) => [range.burst, range.start, range.count]),
        [
          [makeBurst(1).id, 0, 2],
          [makeBurst(2).id, 0, 1],
        ],
      );
      assertSame(await lease(), undefined);
      assertSame((await monitor.status(NOW)).events, 3);
    },
  },
  {
    name: 'lease > keeps to the limits of one request',
    run: async ({ events, leaseNow }) => {
      for (let place = 1; place <= 3; place++) await events.enqueue(makeBurst(place, 400), false);
      assertSame((await leaseNow()).batch.count, 800);
      assertSame((await leaseNow()).batch.count, 400);
      const large = '"'.padEnd(600_000, 'x');
      for (let place = 4; place <= 5; place++) await events.enqueue(makeBurst(place, 1, large), false);
      assertSame((await leaseNow()).batch.count, 1);
    },
  },
  {
    name: 'lease > fills a request with what still fits, and leaves the rest where it is',
    run: async ({ events, monitor, leaseNow }) => {
      const counts = [400, 700, 300, 301, 200, 100];
      for (const [index, count] of counts.entries()) await events.enqueue(makeBurst(index + 1, count), false);
      const first = await leaseNow();
      assertSame(
        first.batch.bursts.map(({ burst }) => burst),
        [1, 3, 5, 6].map((place) => makeBurst(place).id),
      );
      assertSame([first.batch.count, first.batch.bytes], [1000, first.batch.events.length]);
      assertSame(first.isLast, false);
      const second = await leaseNow();
      assertSame([second.batch.id, second.batch.count, second.isLast], [makeBurst(2).id, 700, false]);
      const third = await leaseNow();
      assertSame([third.batch.id, third.batch.count, third.isLast], [makeBurst(4).id, 301, true]);
      assertSame((await monitor.status(NOW)).events, 2001);
    },
  },
  {
    name: 'lease > puts nothing together that was tracked a day apart',
    run: async ({ events, leaseNow }) => {
      for (const [index, ageMs] of [0, MAX_SPAN_MS - 1, MAX_SPAN_MS].entries())
        await events.enqueue({ ...makeBurst(index + 1), createdAt: NOW + ageMs }, false);
      assertSame((await leaseNow()).batch.count, 2);
      assertSame((await leaseNow()).batch.id, makeBurst(3).id);
    },
  },
  {
    name: 'lease > never adds to a batch that was sent, and gives it again unchanged when the lease ends',
    run: async ({ events, lease, leaseNow }) => {
      await events.enqueue(makeBurst(1), false);
      const first = await leaseNow();
      await events.enqueue(makeBurst(2), false);
      const other = await leaseNow();
      assertSame(other.batch.id, makeBurst(2).id);
      assertSame(await lease(NOW + LEASE_MS - 1), undefined);
      const again = await leaseNow(NOW + LEASE_MS);
      assertSame([again.batch.id, again.batch.events], [first.batch.id, first.batch.events]);
      assertSame(again.batch.token === first.batch.token, false);
    },
  },
  {
    name: 'lease > counts a lease that lies too far ahead as ended: the clock was set back',
    run: async ({ events, leaseNow }) => {
      await events.enqueue(makeBurst(1), false);
      await leaseNow(NOW + 10 * LEASE_MS);
      assertSame((await leaseNow(NOW)).batch.count, 1);
    },
  },
  {
    name: 'lease > of a flusher that held the flush lock ends when another holds it, and no other does',
    run: async ({ events, lease, leaseNow }) => {
      await events.enqueue(makeBurst(1), false);
      await leaseNow(NOW, 0, true);
      assertSame(await lease(NOW + 1, 0, false), undefined);
      await leaseNow(NOW + 1, 0, true);
      await leaseNow(NOW + LEASE_MS + 1, 0, false);
      assertSame(await lease(NOW + LEASE_MS + 2, 0, true), undefined);
    },
  },
  {
    name: 'lease > never mixes two endpoints',
    run: async ({ storage, events, delivery, leaseNow }) => {
      const other = openQueue(storage, 'https://other.example/events');
      await events.enqueue(makeBurst(1), false);
      await other.events.enqueue(makeBurst(2), false);
      await events.enqueue(makeBurst(3), false);
      assertSame(await delivery.endpoints(), [ENDPOINT, 'https://other.example/events']);
      assertSame((await leaseNow()).batch.count, 2);
      assertSame((await other.leaseNow()).batch.events, '{"n":2}');
      assertSame(await delivery.endpoints(), [ENDPOINT, 'https://other.example/events']);
    },
  },
  {
    name: 'release > holds the batch, and everything to its endpoint, until its time',
    run: async ({ events, delivery, lease, leaseNow, monitor }) => {
      await events.enqueue(makeBurst(1), false);
      const { batch } = await leaseNow();
      await events.enqueue(makeBurst(2), false);
      const release = { notBefore: NOW + 5000, holdUntil: NOW + 2000, silent: false };
      await delivery.release(batch, release, makeAnswer('retry'));
      assertSame(await lease(NOW + 1999, NOW + 1000), undefined);
      assertSame((await monitor.status(NOW)).dueAt, NOW + 2000);
      const next = await leaseNow(NOW + 2000);
      assertSame([next.batch.id, next.failures], [makeBurst(2).id, 1]);
      assertSame(await lease(NOW + 4999), undefined);
      const again = await leaseNow(NOW + 5000);
      assertSame([again.batch.id, again.batch.attempts], [batch.id, 1]);
    },
  },
  {
    name: 'release > after a lost lease leaves the batch alone but keeps what the server asked for',
    run: async ({ events, delivery, lease, leaseNow, monitor }) => {
      await events.enqueue(makeBurst(1), false);
      const { batch } = await leaseNow();
      const second = await leaseNow(NOW + LEASE_MS);
      const late = makeAnswer('retry', NOW + LEASE_MS + 1);
      const holdUntil = NOW + LEASE_MS + 9000;
      await delivery.release(batch, { notBefore: holdUntil, holdUntil, silent: true }, late);
      assertSame((await monitor.status(NOW)).state.notBefore, 0);
      await delivery.release(batch, { notBefore: holdUntil, holdUntil, silent: false }, late);
      assertSame((await monitor.status(NOW)).state.notBefore, holdUntil);
      assertSame(await lease(NOW + LEASE_MS + 8999), undefined);
      const current = await leaseNow(NOW + 2 * LEASE_MS);
      assertSame([current.batch.attempts, current.batch.token === second.batch.token], [0, false]);
    },
  },
  {
    name: 'release > a hint overrides silence that was there before it, and nothing else',
    run: async ({ events, delivery, lease, leaseNow }) => {
      await events.enqueue(makeBurst(1), false);
      const waits = { notBefore: NOW + 60_000, holdUntil: NOW + 60_000 };
      const first = await leaseNow();
      await delivery.release(first.batch, { ...waits, silent: true }, makeAnswer('retry'));
      assertSame(await lease(NOW + 1), undefined);
      assertSame(await lease(NOW + 1, NOW), undefined);
      const second = await leaseNow(NOW + 1, NOW + 1);
      await delivery.release(second.batch, { ...waits, silent: false }, makeAnswer('retry', NOW + 1));
      assertSame(await lease(NOW + 2, NOW + 2), undefined);
    },
  },
  {
    name: 'release > counts a wait that lies too far ahead as over: the clock was set back',
    run: async ({ events, delivery, leaseNow }) => {
      await events.enqueue(makeBurst(1), false);
      const { batch } = await leaseNow();
      const far = NOW + MAX_WAIT_MS + CLOCK_SLACK_MS + 1;
      await delivery.release(batch, { notBefore: far, holdUntil: far, silent: false }, makeAnswer('retry'));
      assertSame((await leaseNow(NOW)).batch.id, batch.id);
    },
  },
  {
    name: 'release > notices a batch that alone gets no answer',
    run: async ({ events, delivery, leaseNow }) => {
      await events.enqueue(makeBurst(1), false);
      const fail = async (at: number) => {
        const { batch } = await leaseNow(at);
        await delivery.release(batch, { notBefore: 0, holdUntil: 0, silent: true }, makeAnswer('retry', at));
      };
      await fail(NOW);
      await fail(NOW + 1);
      assertSame((await leaseNow(NOW + 2)).batch.lonely, 0);
      await events.enqueue(makeBurst(2), false);
      const other = await leaseNow(NOW + 3);
      await delivery.acknowledge(other.batch, [], makeAnswer('delivered', NOW + 3));
      await fail(NOW + 2 + LEASE_MS);
      assertSame((await leaseNow(NOW + 3 + LEASE_MS)).batch.lonely, 1);
    },
  },
  {
    name: 'acknowledge > removes the batch whatever the token, once, and remembers what became of it',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      await events.enqueue(makeBurst(1, 2), false);
      const first = await leaseNow();
      await leaseNow(NOW + LEASE_MS);
      const refusal = { sequence: 1, code: 'EVENT_TYPE_UNKNOWN', path: 'events[1].type', message: 'no' };
      const done = await delivery.acknowledge(first.batch, [refusal], makeAnswer('delivered'));
      const again = await delivery.acknowledge(first.batch, [refusal], makeAnswer('delivered'));
      const { batches, state } = await monitor.status(NOW);
      assertSame([batches, state.total.rejected, state.unsent.rejected, again], [0, 1, 1, undefined]);
      assertSame(await monitor.done(), [done]);
      assertSame(present(done).bursts, [{ burst: makeBurst(1).id, start: 0, count: 2 }]);
    },
  },
  {
    name: 'acknowledge > ends a hold, but not one that another request met later',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      await events.enqueue(makeBurst(1), false);
      const first = await leaseNow(NOW);
      await events.enqueue(makeBurst(2), false);
      const second = await leaseNow(NOW);
      const wait = { notBefore: NOW + 9000, holdUntil: NOW + 9000, silent: false };
      await delivery.release(second.batch, wait, makeAnswer('retry', NOW + 5));
      await delivery.acknowledge(first.batch, [], makeAnswer('delivered', NOW + 6));
      assertSame((await monitor.status(NOW)).state.notBefore, NOW + 9000);
      const third = await leaseNow(NOW + 9000);
      await delivery.acknowledge(third.batch, [], makeAnswer('delivered', NOW + 9001));
      assertSame((await monitor.status(NOW)).state.notBefore, 0);
    },
  },
  {
    name: 'acknowledge > remembers a bounded number of batches',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      for (let place = 1; place <= MAX_DONE + 3; place++) {
        await events.enqueue(makeBurst(place), false);
        const { batch } = await leaseNow();
        // The last one when all others are old.
        const at = place > MAX_DONE + 2 ? NOW + 2 * YOUNG_DONE_MS : NOW + place;
        await delivery.acknowledge(batch, [], makeAnswer('delivered', at));
      }
      const done = await monitor.done();
      assertSame([done.length, done[0]?.id], [MAX_DONE, makeBurst(4).id]);
      const later = await monitor.done(NOW + MAX_DONE + 1);
      assertSame(
        later.map(({ id }) => id),
        [makeBurst(MAX_DONE + 2).id, makeBurst(MAX_DONE + 3).id],
      );
    },
  },
  {
    name: 'ledger > is carried by the next batch, once, and again if that is set aside',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      await events.enqueue({ ...makeBurst(1), lost: LOST }, false);
      const { batch } = await leaseNow();
      assertSame(batch.ledger, LOST);
      await events.enqueue(makeBurst(2), false);
      assertSame((await leaseNow()).batch.ledger, null);
      const refusal = { sequence: 0, code: 'BATCH_CONFLICT', path: '', message: '' };
      await delivery.setAside(batch, refusal, makeAnswer('rejected'));
      const { state } = await monitor.status(NOW);
      assertSame([state.total.rejected, state.unsent.rejected], [3, 3]);
      await events.enqueue(makeBurst(3), false);
      assertSame((await leaseNow()).batch.ledger?.rejected, 3);
    },
  },
  {
    name: 'ledger > counts losses without any event to store',
    run: async ({ events, monitor }) => {
      await events.enqueue({ ...makeBurst(1, 0), lost: LOST }, false);
      const { batches, state } = await monitor.status(NOW);
      assertSame([batches, state.total.rejected], [0, 2]);
    },
  },
  {
    name: 'split > puts the halves in the place of the batch',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      await events.enqueue({ ...makeBurst(1, 2), lost: LOST }, false);
      await events.enqueue(makeBurst(2, 3), false);
      const { batch } = await leaseNow();
      await events.enqueue(makeBurst(3), false);
      await delivery.split(batch, await splitBatch(batch, digest, false), 0, makeAnswer('split'));
      assertSame((await monitor.status(NOW)).events, 6);
      const first = await leaseNow();
      const second = await leaseNow();
      assertSame([first.batch.count, first.batch.offset, first.batch.ledger], [3, 0, LOST]);
      assertSame([second.batch.count, second.batch.offset, second.batch.ledger], [2, 3, null]);
      assertSame([first.batch.parents, second.batch.parents], [[batch.id], [batch.id]]);
      assertSame(second.batch.bursts, [{ burst: makeBurst(2).id, start: 1, count: 2 }]);
      assertSame((await leaseNow()).batch.id, makeBurst(3).id);
    },
  },
  {
    name: 'split > does nothing once the lease is lost or the batch acknowledged',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      await events.enqueue(makeBurst(1, 2), false);
      const first = await leaseNow();
      const second = await leaseNow(NOW + LEASE_MS);
      const parts = await splitBatch(first.batch, digest, false);
      await delivery.split(first.batch, parts, 0, makeAnswer('split'));
      assertSame((await monitor.status(NOW)).batches, 1);
      await delivery.acknowledge(second.batch, [], makeAnswer('delivered'));
      await delivery.split(second.batch, parts, 0, makeAnswer('split'));
      assertSame((await monitor.status(NOW)).batches, 0);
    },
  },
  {
    name: 'setAside > does nothing once the lease is lost',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      await events.enqueue(makeBurst(1, 2), false);
      const { batch } = await leaseNow();
      await leaseNow(NOW + LEASE_MS);
      const refusal = { sequence: 0, code: 'BATCH_CONFLICT', path: '', message: '' };
      assertSame(await delivery.setAside(batch, refusal, makeAnswer('rejected')), undefined);
      const { batches, state } = await monitor.status(NOW);
      assertSame([batches, state.total.rejected], [1, 0]);
    },
  },
  {
    name: 'storage > leaves nothing behind of a transaction that throws',
    run: async ({ storage, events, monitor }) => {
      const work = storage.transact(['fresh'], async (tx) => {
        await tx.keys('fresh', keysFrom(ENDPOINT));
        const { id, events: texts, count, bytes, createdAt } = makeBurst(1);
        tx.put('fresh', { endpoint: ENDPOINT, order: id, id, events: texts, count, bytes, createdAt });
        throw new Error('stop');
      });
      assertSame(await work.catch((error: unknown) => String(error)), 'Error: stop');
      assertSame((await monitor.status(NOW)).batches, 0);
      await events.enqueue(makeBurst(2), false);
      assertSame((await monitor.status(NOW)).batches, 1);
    },
  },
];
