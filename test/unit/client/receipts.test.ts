import { beforeEach, describe, expect, it } from 'vitest';
import { createEmitter, type Emitter } from '../../../client/page/emitter.ts';
import { createBurst, nameBurst } from '../../../client/page/pending-burst.ts';
import { createReceipts } from '../../../client/page/receipts.ts';
import type { DoneBatch } from '../../../client/queue/records.ts';
import { ENDPOINT, NOW } from '../../support/client-queue.ts';

function doneOf(id: string, burst: string, count = 1): DoneBatch {
  const bursts = [{ burst, start: 0, count }];
  return { endpoint: ENDPOINT, at: NOW, id, outcome: 'delivered', count, bursts, refusals: [] };
}

describe('receipts', () => {
  let emitter: Emitter;
  let told: string[];
  beforeEach(() => {
    emitter = createEmitter();
    told = [];
    emitter.on('delivered', ({ batch }) => told.push(batch));
  });

  const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));

  it('tells an outcome once, however often it is told', async () => {
    const receipts = createReceipts(emitter);
    for (let time = 0; time < 3; time++) receipts.settle(doneOf('x', 'other'), true);
    await turn();
    expect(told).toEqual(['x']);
  });

  it('tells of what is no news only if it concerns a burst of this page', async () => {
    const receipts = createReceipts(emitter);
    const burst = { ...nameBurst(createBurst(NOW)), count: 1 };
    receipts.expect(burst);
    receipts.settle(doneOf('old', 'other'), false);
    receipts.settle(doneOf('own', burst.id), false);
    expect(await receipts.delivered(burst, 0)).toEqual({ status: 'delivered', batch: 'own', sequence: 0 });
    expect(receipts.hasPending()).toBe(false);
    await turn();
    expect(told).toEqual(['own']);
  });

  it.each(['expired', 'unconfirmed', undefined] as const)(
    'says why the queue gave a burst up: %s',
    async (cause) => {
      const receipts = createReceipts(emitter);
      const burst = { ...nameBurst(createBurst(NOW)), count: 1 };
      receipts.expect(burst);
      const done: DoneBatch = { ...doneOf('x', burst.id), outcome: 'dropped' };
      receipts.settle(cause ? { ...done, cause } : done, true);
      expect(await receipts.delivered(burst, 0)).toEqual({ status: cause ?? 'dropped' });
    },
  );

  it('says that it does not know of a forgotten burst, asked before or after', async () => {
    const receipts = createReceipts(emitter);
    const burst = { ...nameBurst(createBurst(NOW)), count: 1 };
    receipts.expect(burst);
    const before = receipts.delivered(burst, 0);
    for (let place = 0; place < 10_000; place++) receipts.expect(nameBurst(createBurst(NOW)));
    expect(await before).toEqual({ status: 'unknown' });
    expect(await receipts.delivered(burst, 0)).toEqual({ status: 'unknown' });
  });
});

describe('emitter', () => {
  it('takes no name that is none of its own, and does not throw', () => {
    const emitter = createEmitter();
    const listener = (): void => undefined;
    for (const name of ['constructor', '__proto__', 'toString', 'nothing', null]) {
      const stop: unknown = Reflect.apply(emitter.on, undefined, [name, listener]);
      if (typeof stop === 'function') Reflect.apply(stop, undefined, []);
    }
    expect(emitter.has('delivered')).toBe(false);
  });
});
