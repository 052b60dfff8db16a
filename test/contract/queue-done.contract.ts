import { MAX_DONE, MAX_YOUNG_DONE, YOUNG_DONE_MS } from '../../client/queue/queue-limits.ts';
import { keysFrom } from '../../client/queue/storage.ts';
import { assertSame } from '../support/client-assert.ts';
import {
  type ContractCase,
  ENDPOINT,
  makeAnswer,
  makeBurst,
  NOW,
  type openQueue,
} from '../support/client-queue.ts';

type Queue = ReturnType<typeof openQueue>;

const LOST = { dropped: 0, expired: 0, rejected: 2, unconfirmed: 0 };

async function deliver({ events, delivery, leaseNow }: Queue, place: number, at: number): Promise<void> {
  await events.enqueue(makeBurst(place), false);
  const { batch } = await leaseNow();
  await delivery.acknowledge(batch, [], makeAnswer('delivered', at));
}

function countDone({ storage }: Queue): Promise<number> {
  return storage.transact(
    ['done'],
    async (tx) => (await tx.keys('done', keysFrom(ENDPOINT))).length,
    'readonly',
  );
}

/** What is remembered of batches that have left the queue, and what that is good for. */
export const DONE_CONTRACT: readonly ContractCase[] = [
  {
    name: 'done > tells a repeat of what was delivered after the clock was set back',
    run: async (queue) => {
      for (let place = 1; place <= MAX_DONE; place++) await deliver(queue, place, NOW + 86_400_000);
      await deliver(queue, 5000, NOW);
      await queue.events.enqueue(makeBurst(5000), true);
      assertSame((await queue.monitor.status(NOW)).events, 0);
      const done = await queue.monitor.done();
      assertSame([done.length, done[done.length - 1]?.id], [MAX_DONE + 1, makeBurst(5000).id]);
    },
  },
  {
    name: 'done > tells a repeat for its time, however many others were delivered since',
    run: async (queue) => {
      for (let place = 1; place <= MAX_DONE + 1; place++) await deliver(queue, place, NOW + place);
      await queue.events.enqueue(makeBurst(1), true);
      assertSame((await queue.monitor.status(NOW)).events, 0);
      await deliver(queue, 5000, NOW + 2 * YOUNG_DONE_MS);
      assertSame(await countDone(queue), MAX_DONE);
    },
  },
  {
    name: 'done > is bounded whatever the time',
    run: async (queue) => {
      const { storage } = queue;
      await storage.transact(['done'], (tx) => {
        for (let place = 1; place <= MAX_YOUNG_DONE; place++) {
          const { id } = makeBurst(place);
          tx.put('done', {
            endpoint: ENDPOINT,
            at: NOW,
            id,
            outcome: 'delivered',
            count: 1,
            bursts: [],
            refusals: [],
          });
        }
      });
      await deliver(queue, 5000, NOW);
      assertSame(await countDone(queue), MAX_YOUNG_DONE);
    },
  },
  {
    name: 'ledger > counts the losses of a repeated burst once, though it has no events',
    run: async ({ events, monitor }) => {
      const burst = { ...makeBurst(1, 0), lost: LOST };
      await events.enqueue(burst, false);
      await events.enqueue({ ...makeBurst(2, 0), lost: LOST }, false);
      await events.enqueue(burst, true);
      assertSame((await monitor.status(NOW)).state.total.rejected, 4);
      await events.enqueue({ ...makeBurst(3, 0), lost: LOST }, true);
      assertSame((await monitor.status(NOW)).state.total.rejected, 6);
    },
  },
  {
    name: 'done > that may have been forgotten makes a repeat unconfirmed, counted once, and never stores it twice',
    run: async (queue) => {
      const { events, monitor } = queue;
      for (let place = 1; place <= MAX_DONE + 1; place++) await deliver(queue, place, NOW + place);
      // Delivered, and pushed out of what is remembered.
      const repeat = { ...makeBurst(1, 3), triedAt: NOW - YOUNG_DONE_MS };
      await queue.storage.transact(['done'], async (tx) => {
        const [first] = await tx.keys('done', keysFrom(ENDPOINT));
        if (first) tx.delete('done', { from: first, to: first });
      });
      assertSame([await events.enqueue(repeat, true), await events.enqueue(repeat, true)], [false, false]);
      const { events: count, state } = await monitor.status(NOW);
      assertSame([count, state.total.unconfirmed], [0, 3]);
      // Tried after everything that is remembered: it can't have been forgotten.
      assertSame(await events.enqueue({ ...makeBurst(9000), triedAt: NOW + 100_000 }, true), true);
      assertSame((await monitor.status(NOW)).events, 1);
    },
  },
  {
    name: 'done > noted before the clock was set back makes nothing unconfirmed',
    run: async (queue) => {
      const ahead = NOW + 30 * 86_400_000;
      for (let place = 1; place <= MAX_DONE; place++) await deliver(queue, place, ahead + place);
      const repeat = { ...makeBurst(9000), triedAt: NOW, repeatedAt: NOW + 1 };
      assertSame(await queue.events.enqueue(repeat, true), true);
    },
  },
  {
    name: 'storage > stores where transactions can only complete by themselves',
    run: async ({ events, monitor }) => {
      const prototype = typeof IDBTransaction === 'undefined' ? {} : IDBTransaction.prototype;
      const commit = Object.getOwnPropertyDescriptor(prototype, 'commit');
      Reflect.deleteProperty(prototype, 'commit');
      try {
        await events.enqueue(makeBurst(1), false);
      } finally {
        if (commit) Object.defineProperty(prototype, 'commit', commit);
      }
      assertSame((await monitor.status(NOW)).events, 1);
    },
  },
];
