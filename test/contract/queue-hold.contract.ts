import { LEASE_MS, MAX_WAIT_MS, PATIENCE } from '../../client/queue/queue-limits.ts';
import { assertSame } from '../support/client-assert.ts';
import { type ContractCase, makeAnswer, makeBurst, NOW, type openQueue } from '../support/client-queue.ts';

type Queue = ReturnType<typeof openQueue>;

const DAY_MS = 86_400_000;

async function leaseTwo({ events, leaseNow }: Queue) {
  await events.enqueue(makeBurst(1), false);
  const first = await leaseNow();
  await events.enqueue(makeBurst(2), false);
  return { first, second: await leaseNow() };
}

/** Waits of batches and endpoints: who may be sent when. */
export const HOLD_CONTRACT: readonly ContractCase[] = [
  {
    name: 'hold > that a server asked for is not shortened by what another request meets',
    run: async (queue) => {
      const { first, second } = await leaseTwo(queue);
      const { delivery, lease } = queue;
      const release = (wait: number) => ({ notBefore: NOW, holdUntil: NOW + wait, silent: false });
      await delivery.release(second.batch, release(60_000), makeAnswer('retry', NOW + 5));
      await delivery.release(first.batch, release(2_000), makeAnswer('retry', NOW + 6));
      assertSame(await lease(NOW + 59_999), undefined);
    },
  },
  {
    name: 'hold > that a server asked for stays closed to hints whatever silence another request meets',
    run: async (queue) => {
      const { first, second } = await leaseTwo(queue);
      const { delivery, lease, leaseNow } = queue;
      const asked = { notBefore: NOW, holdUntil: NOW + 60_000, silent: false };
      await delivery.release(second.batch, asked, makeAnswer('retry', NOW + 12));
      const silent = { notBefore: NOW, holdUntil: NOW + 160_000, silent: true };
      await delivery.release(first.batch, silent, makeAnswer('retry', NOW + 40));
      assertSame(await lease(NOW + 50, NOW + 50), undefined);
      assertSame((await leaseNow(NOW + 60_000)).batch.id, first.batch.id);
    },
  },
  {
    name: 'hold > met in the millisecond in which another request was begun outlasts its acknowledgement',
    run: async (queue) => {
      const { first, second } = await leaseTwo(queue);
      const wait = { notBefore: NOW, holdUntil: NOW + 9_000, silent: false };
      await queue.delivery.release(second.batch, wait, makeAnswer('retry', NOW));
      await queue.delivery.acknowledge(first.batch, [], makeAnswer('delivered', NOW + 1));
      assertSame(await queue.lease(NOW + 8_999), undefined);
    },
  },
  {
    name: 'hold > left by a clock that was ahead gives way to a new one, and to an acknowledgement',
    run: async (queue) => {
      const { first, second } = await leaseTwo(queue);
      const { delivery, lease, leaseNow, monitor } = queue;
      const ahead = NOW + 2 * MAX_WAIT_MS;
      const stale = { notBefore: NOW, holdUntil: ahead + 600_000, silent: false };
      await delivery.release(second.batch, stale, makeAnswer('retry', ahead));
      const asked = { notBefore: NOW, holdUntil: NOW + 600_000, silent: false };
      await delivery.release(first.batch, asked, makeAnswer('retry', NOW + 1));
      assertSame(await lease(NOW + 599_999), undefined);
      const third = await leaseNow(NOW + 600_000);
      const short = { notBefore: NOW, holdUntil: ahead + 600_000, silent: false };
      await delivery.release(third.batch, short, makeAnswer('retry', ahead));
      const again = await leaseNow(NOW + 600_001);
      await delivery.acknowledge(again.batch, [], makeAnswer('delivered', NOW + 600_002));
      assertSame((await monitor.status(NOW)).state.notBefore, 0);
    },
  },
  {
    name: 'hold > set in the future is not waited for: the clock was set back',
    run: async ({ events, delivery, leaseNow, monitor }) => {
      await events.enqueue(makeBurst(1), false);
      const { batch } = await leaseNow();
      const at = NOW + MAX_WAIT_MS / 2;
      await delivery.release(
        batch,
        { notBefore: NOW, holdUntil: at + 9_000, silent: false },
        makeAnswer('retry', at),
      );
      assertSame((await monitor.status(NOW)).dueAt, 0);
      await leaseNow(NOW + 1);
    },
  },
  {
    name: 'hold > of the longest time is kept by a context whose clock is a little behind',
    run: async ({ events, delivery, lease, leaseNow }) => {
      await events.enqueue(makeBurst(1), false);
      const { batch } = await leaseNow();
      assertSame(await lease(NOW - 1), undefined);
      const until = NOW + MAX_WAIT_MS;
      const wait = { notBefore: until, holdUntil: until, silent: false };
      await delivery.release(batch, wait, makeAnswer('retry'));
      assertSame(await lease(NOW - 1), undefined);
    },
  },
  {
    name: 'hold > is set by a split as well',
    run: async ({ events, delivery, lease, leaseNow }) => {
      await events.enqueue(makeBurst(1, 2), false);
      const { batch } = await leaseNow();
      await delivery.split(batch, [batch], NOW + 1_000, makeAnswer('split'));
      assertSame(await lease(NOW + 999), undefined);
      assertSame((await leaseNow(NOW + LEASE_MS)).failures, 0);
    },
  },
  {
    name: 'lease > of what keeps failing comes after all others, by turns',
    run: async ({ events, delivery, leaseNow }) => {
      const fail = async (at: number): Promise<string> => {
        const { batch } = await leaseNow(at);
        const wait = { notBefore: at, holdUntil: at, silent: false };
        await delivery.release(batch, wait, makeAnswer('retry', at));
        return batch.id;
      };
      await events.enqueue(makeBurst(1), false);
      for (let time = 1; time <= PATIENCE; time++) assertSame(await fail(NOW + time), makeBurst(1).id);
      await events.enqueue(makeBurst(2), false);
      for (let time = 4; time < 4 + PATIENCE; time++) assertSame(await fail(NOW + time), makeBurst(2).id);
      assertSame(await fail(NOW + 10), makeBurst(1).id);
      assertSame(await fail(NOW + 11), makeBurst(2).id);
      await events.enqueue(makeBurst(3), false);
      assertSame(await fail(NOW + 12), makeBurst(3).id);
    },
  },
  {
    name: 'release > takes no acknowledgement from the future for one since the last failure',
    run: async (queue) => {
      const { first, second } = await leaseTwo(queue);
      const { delivery, leaseNow } = queue;
      await delivery.acknowledge(second.batch, [], makeAnswer('delivered', NOW + DAY_MS));
      const wait = { notBefore: NOW, holdUntil: NOW, silent: true };
      await delivery.release(first.batch, wait, makeAnswer('retry', NOW + 1));
      const again = await leaseNow(NOW + 2);
      await delivery.release(again.batch, wait, makeAnswer('retry', NOW + 2));
      assertSame((await leaseNow(NOW + 3)).batch.lonely, 0);
    },
  },
  {
    name: 'acknowledge > ends the count of failures',
    run: async (queue) => {
      const { first, second } = await leaseTwo(queue);
      const wait = { notBefore: NOW, holdUntil: NOW, silent: false };
      await queue.delivery.release(second.batch, wait, makeAnswer('retry'));
      await queue.delivery.acknowledge(first.batch, [], makeAnswer('delivered', NOW + 1));
      assertSame((await queue.leaseNow(NOW + 2)).failures, 0);
    },
  },
  {
    name: 'status > knows that a batch is under way',
    run: async ({ events, monitor, delivery, leaseNow }) => {
      await events.enqueue(makeBurst(1), false);
      const { batch } = await leaseNow();
      const status = await monitor.status(NOW + 1);
      assertSame(status.dueAt, NOW + LEASE_MS);
      assertSame(await delivery.status(batch.endpoint, NOW + 1), status);
    },
  },
];
