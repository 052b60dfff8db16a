import { createEventQueue } from '../../client/queue/create-event-queue.ts';
import { changeOptOut } from '../../client/queue/opt-out.ts';
import { MAX_LOSS_REASONS } from '../../client/queue/queue-limits.ts';
import type { OptOut } from '../../client/queue/records.ts';
import { assertSame } from '../support/client-assert.ts';
import {
  type ContractCase,
  ENDPOINT,
  makeAnswer,
  makeBurst,
  NOW,
  openQueue,
} from '../support/client-queue.ts';

type Queue = ReturnType<typeof openQueue>;

const set = ({ storage }: Queue, flag: OptOut | undefined) =>
  changeOptOut(storage, ENDPOINT, NOW, () => flag);

/** A batch that was sent, one that was not, and one that was delivered. */
async function fill({ events, delivery, leaseNow }: Queue) {
  await events.enqueue(makeBurst(1), false);
  const first = await leaseNow();
  await delivery.acknowledge(first.batch, [], makeAnswer('delivered'));
  await events.enqueue(makeBurst(2), false);
  const second = await leaseNow();
  await events.enqueue(makeBurst(3), false);
  return second;
}

async function count({ monitor }: Queue): Promise<readonly number[]> {
  return [(await monitor.status(NOW)).events, (await monitor.done()).length];
}

/** Opting out and in again, and the reasons of what was lost. */
export const OPT_OUT_CONTRACT: readonly ContractCase[] = [
  {
    name: 'opt-out > erases what is queued, sent and remembered, and is known from then on',
    run: async (queue) => {
      await fill(queue);
      assertSame(await count(queue), [2, 1]);
      assertSame(await set(queue, 'user'), 'user');
      assertSame(await count(queue), [0, 0]);
      const { state } = await queue.monitor.status(NOW);
      assertSame([state.optedOut, state.total.dropped], ['user', 0]);
    },
  },
  {
    name: 'opt-out > leaves other endpoints alone',
    run: async (queue) => {
      const other = createEventQueue(queue.storage, 'https://other.example/events');
      await other.enqueue(makeBurst(4), false);
      await set(queue, 'user');
      assertSame(await queue.delivery.endpoints(), ['https://other.example/events']);
    },
  },
  {
    name: 'opt-out > has what a tab wrote in spite of it erased instead of leased',
    run: async (queue) => {
      await set(queue, 'user');
      await queue.events.enqueue(makeBurst(1), false);
      assertSame(await queue.lease(), undefined);
      assertSame(await count(queue), [0, 0]);
      await set(queue, undefined);
      await queue.events.enqueue(makeBurst(2), false);
      assertSame((await queue.leaseNow()).batch.id, makeBurst(2).id);
    },
  },
  {
    name: 'opt-out > taken back leaves nothing of what was written meanwhile',
    run: async (queue) => {
      await set(queue, 'gpc');
      await queue.events.enqueue(makeBurst(1), false);
      await set(queue, undefined);
      assertSame(await count(queue), [0, 0]);
      assertSame((await queue.monitor.status(NOW)).state.optedOut, undefined);
    },
  },
  {
    name: 'opt-out > makes a repeat of a burst from before unconfirmed, and none of one from after',
    run: async (queue) => {
      await set(queue, 'user');
      await set(queue, undefined);
      const { events, monitor } = queue;
      assertSame(await events.enqueue({ ...makeBurst(1), triedAt: NOW }, true), false);
      assertSame(await events.enqueue({ ...makeBurst(2), triedAt: NOW + 1 }, true), true);
      const { events: queued, state } = await monitor.status(NOW);
      assertSame([queued, state.total.unconfirmed], [1, 1]);
    },
  },
  {
    name: 'opt-out > noted before the clock was set back makes nothing unconfirmed',
    run: async ({ events, storage }) => {
      const ahead = NOW + 30 * 86_400_000;
      await changeOptOut(storage, ENDPOINT, ahead, () => 'user');
      await changeOptOut(storage, ENDPOINT, ahead, () => undefined);
      const repeat = { ...makeBurst(1), triedAt: NOW, repeatedAt: NOW + 1 };
      assertSame(await events.enqueue(repeat, true), true);
    },
  },
  {
    name: 'opt-out > that never was, taken back, erases nothing',
    run: async (queue) => {
      await fill(queue);
      await set(queue, undefined);
      assertSame(await count(queue), [2, 1]);
      assertSame(await queue.events.enqueue({ ...makeBurst(9), triedAt: NOW }, true), true);
    },
  },
  {
    name: 'opt-out > during a send brings nothing back, whatever the answer',
    run: async (queue) => {
      const { batch } = await fill(queue);
      await set(queue, 'user');
      const wait = { notBefore: NOW, holdUntil: NOW, silent: true };
      await queue.delivery.release(batch, wait, makeAnswer('retry'));
      await queue.delivery.split(batch, [batch], NOW, makeAnswer('split'));
      await queue.delivery.acknowledge(batch, [], makeAnswer('delivered'));
      assertSame(await count(queue), [0, 0]);
      assertSame((await queue.monitor.status(NOW)).state.optedOut, 'user');
    },
  },
  {
    name: 'losses > are counted by reason beside the ledger',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      const lost = { 'rejected:EVENT_TOO_LARGE': 2, 'dropped:memory': 3 };
      await events.enqueue({ ...makeBurst(1, 3), lost }, false);
      const { batch } = await leaseNow();
      const refusals = ['A', 'B', 'A'].map((code, sequence) => ({ sequence, code, path: '', message: '' }));
      await delivery.acknowledge(batch, refusals, makeAnswer('delivered'));
      const { state } = await monitor.status(NOW);
      assertSame(state.total, { dropped: 3, expired: 0, rejected: 5, unconfirmed: 0 });
      assertSame(state.losses, { ...lost, 'rejected:A': 2, 'rejected:B': 1 });
    },
  },
  {
    name: 'losses > of a batch that was set aside have its reason',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      await events.enqueue({ ...makeBurst(1, 4), lost: { 'dropped:early': 1 } }, false);
      const { batch } = await leaseNow();
      const refusal = { sequence: 0, code: 'BATCH_CONFLICT', path: '', message: '' };
      await delivery.setAside(batch, refusal, makeAnswer('rejected'));
      const { state } = await monitor.status(NOW);
      assertSame(state.losses, { 'dropped:early': 1, 'rejected:BATCH_CONFLICT': 4 });
      assertSame(state.unsent, { dropped: 1, expired: 0, rejected: 4, unconfirmed: 0 });
    },
  },
  {
    name: 'losses > for more reasons than are kept apart are counted together',
    run: async ({ events, monitor }) => {
      for (let place = 0; place < MAX_LOSS_REASONS + 3; place++) {
        await events.enqueue({ ...makeBurst(place, 0), lost: { [`rejected:${place}`]: 1 } }, false);
      }
      await events.enqueue({ ...makeBurst(99, 0), lost: { 'rejected:0': 1 } }, false);
      const { losses = {}, total } = (await monitor.status(NOW)).state;
      assertSame([Object.keys(losses).length, losses['other'], losses['rejected:0']], [51, 3, 2]);
      assertSame(total.rejected, MAX_LOSS_REASONS + 4);
    },
  },
];
