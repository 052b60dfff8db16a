import { AGE_GRACE_MS, MAX_AGE_MS, MAX_QUEUED_BYTES } from '../../client/queue/queue-limits.ts';
import { keysFrom } from '../../client/queue/storage.ts';
import { assertSame, present } from '../support/client-assert.ts';
import {
  type ContractCase,
  ENDPOINT,
  makeAnswer,
  makeBurst,
  NOW,
  type openQueue,
} from '../support/client-queue.ts';

type Queue = ReturnType<typeof openQueue>;

const THIRD = '"'.padEnd(MAX_QUEUED_BYTES / 3, 'x');
const LATE = NOW + MAX_AGE_MS + 1_000;

/** Leases whatever is due at this time and gives it back after a failure. */
async function fail({ delivery, leaseNow }: Queue, at: number, isRefused = false): Promise<void> {
  const { batch, wasDoubtful } = await leaseNow(at);
  const isUnsure = wasDoubtful || !isRefused;
  await delivery.release(
    batch,
    { notBefore: at, holdUntil: at, silent: !isRefused, isUnsure },
    makeAnswer('retry', at),
  );
}

async function ledgerOf({ monitor }: Queue): Promise<unknown> {
  const { dropped, expired, unconfirmed } = (await monitor.status(NOW)).state.total;
  return { dropped, expired, unconfirmed };
}

async function eventsOf({ monitor }: Queue): Promise<number> {
  return (await monitor.status(NOW)).events;
}

/** The queue's own limits: what goes when there is too much, or when it is too old, and how it is counted. */
export const BOUNDS_CONTRACT: readonly ContractCase[] = [
  {
    name: 'trim > drops the oldest until all that is queued is within bounds, never what is being sent',
    run: async ({ events, leaseNow, monitor }) => {
      await events.enqueue(makeBurst(1, 1, THIRD), false);
      await leaseNow();
      for (let place = 2; place <= 5; place++) await events.enqueue(makeBurst(place, 1, THIRD), false);
      const dropped = await monitor.trim(NOW);
      assertSame(
        dropped.map((done) => [done.outcome, done.cause, done.count, done.bursts.length]),
        [['dropped', undefined, 2, 2]],
      );
      assertSame(await monitor.done(), dropped);
      const { batches, state } = await monitor.status(NOW);
      assertSame([batches, state.total.dropped], [3, 2]);
      for (let place = 2; place <= 3; place++) await events.enqueue(makeBurst(place), true);
      assertSame((await monitor.status(NOW)).batches, 3);
      assertSame(await monitor.trim(NOW), []);
    },
  },
  {
    name: 'trim > counts as unconfirmed what was sent and may be stored',
    run: async (queue) => {
      const { events, monitor } = queue;
      await events.enqueue(makeBurst(1, 1, THIRD), false);
      await fail(queue, NOW);
      for (let place = 2; place <= 5; place++) await events.enqueue(makeBurst(place, 1, THIRD), false);
      const dropped = await monitor.trim(NOW);
      assertSame(
        dropped.map((done) => [done.outcome, done.cause, done.count]),
        [
          ['dropped', undefined, 1],
          ['dropped', 'unconfirmed', 1],
        ],
      );
      assertSame(await ledgerOf(queue), { dropped: 1, expired: 0, unconfirmed: 1 });
    },
  },
  {
    name: 'age > alone costs nothing: only a failed try is judged, and only what stays too old for a day',
    run: async (queue) => {
      const { events } = queue;
      await events.enqueue(makeBurst(1), false);
      await fail(queue, LATE, true);
      await fail(queue, LATE + AGE_GRACE_MS - 1, true);
      assertSame(await eventsOf(queue), 1);
      await fail(queue, LATE + AGE_GRACE_MS, true);
      assertSame(await eventsOf(queue), 0);
      assertSame(await ledgerOf(queue), { dropped: 0, expired: 1, unconfirmed: 0 });
      assertSame(
        (await queue.monitor.done()).map((done) => [done.outcome, done.cause, done.count]),
        [['dropped', 'expired', 1]],
      );
    },
  },
  {
    name: 'age > of what the server may have ends as unconfirmed',
    run: async (queue) => {
      await queue.events.enqueue(makeBurst(1), false);
      await fail(queue, LATE);
      await fail(queue, LATE + AGE_GRACE_MS, true);
      assertSame(await ledgerOf(queue), { dropped: 0, expired: 0, unconfirmed: 1 });
    },
  },
  {
    name: 'age > of what an older bundle has sent since it was refused ends as unconfirmed',
    run: async (queue) => {
      await queue.events.enqueue(makeBurst(1), false);
      await fail(queue, LATE, true);
      // It copies what it doesn't know, and notes its own lease and failure.
      await queue.storage.transact(['sent'], async (tx) => {
        const [batch] = await tx.all('sent', keysFrom(ENDPOINT));
        tx.put('sent', { ...present(batch), leasedAt: LATE + 1, failedAt: LATE + 2 });
      });
      await fail(queue, LATE + AGE_GRACE_MS, true);
      assertSame(await ledgerOf(queue), { dropped: 0, expired: 0, unconfirmed: 1 });
    },
  },
  {
    name: 'age > found by a clock that was wrong for a day is forgotten when it is right again',
    run: async (queue) => {
      await queue.events.enqueue(makeBurst(1), false);
      await fail(queue, LATE, true);
      await fail(queue, NOW + 60_000, true);
      await fail(queue, LATE + AGE_GRACE_MS, true);
      assertSame(await eventsOf(queue), 1);
    },
  },
  {
    name: 'age > does not take what was not yet too old when the day began',
    run: async (queue) => {
      const { events } = queue;
      await events.enqueue(makeBurst(1), false);
      await fail(queue, LATE, true);
      // An hour younger, and not tried yet.
      await events.enqueue({ ...makeBurst(2), createdAt: NOW + 3_600_000 }, false);
      await fail(queue, LATE + AGE_GRACE_MS, true);
      assertSame(await eventsOf(queue), 1);
      await fail(queue, LATE + 2 * AGE_GRACE_MS, true);
      assertSame(await eventsOf(queue), 0);
    },
  },
  {
    name: 'drop > hands on the losses that the dropped batch was to report',
    run: async (queue) => {
      const { events, leaseNow } = queue;
      const lost = { dropped: 0, expired: 0, rejected: 2, unconfirmed: 0 };
      await events.enqueue({ ...makeBurst(1), lost }, false);
      await fail(queue, LATE, true);
      await fail(queue, LATE + AGE_GRACE_MS, true);
      await events.enqueue(makeBurst(2), false);
      const { batch } = await leaseNow(LATE + 2 * AGE_GRACE_MS);
      assertSame(batch.ledger, { dropped: 0, expired: 1, rejected: 2, unconfirmed: 0 });
    },
  },
];
