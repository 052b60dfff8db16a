import { createFlusher } from '../../client/delivery/flusher.ts';
import type { Collector } from '../../client/page/api.ts';
import { createCollector } from '../../client/page/collector.ts';
import { createEmitter } from '../../client/page/emitter.ts';
import type { Chunks } from '../../client/page/load-chunk.ts';
import { readOptions } from '../../client/page/options.ts';
import { createPageDelivery } from '../../client/page/page-delivery.ts';
import { createDeliveryQueue } from '../../client/queue/create-delivery-queue.ts';
import { readState } from '../../client/queue/endpoint-state.ts';
import type { Storage } from '../../client/queue/storage.ts';
import { readBody, receiptFor, type SentBody } from './client-body.ts';
import { type FakeClock, fakePlatform } from './client-clock.ts';
import { NOW } from './client-queue.ts';

/** Where the collectors of these tests send by default. */
export const COLLECTOR_ENDPOINT = 'https://cdn.example/events';

export interface TestSurroundings {
  readonly clock: FakeClock;
  readonly storage: Storage;
  /** Takes what is sent. */
  readonly bodies: SentBody[];
  /** What has been asked for: `storage`, `delivery`. */
  readonly asked?: string[];
  /** Of the channel to the other collectors of a test. */
  readonly channel?: string;
  isLoadable?(): boolean;
  isStorable?(): boolean;
}

/** A collector on a fake clock and network that delivers by itself; it waits for `init`. */
export function createTestCollector(surroundings: TestSurroundings): Collector {
  const { asked = [], bodies, channel, clock, storage } = surroundings;
  const never = () => Promise.reject(new Error('not needed'));
  const flush: Chunks['flush'] = () => {
    asked.push('delivery');
    if (surroundings.isLoadable?.() === false) return Promise.reject(new TypeError('not found'));
    return Promise.resolve({
      openDelivery: (parts) =>
        createPageDelivery({
          ...parts,
          startedAt: NOW,
          createFlusher: (opened, _chunks, onAnswer) => ({
            ...createFlusher({
              queue: createDeliveryQueue(opened),
              platform: fakePlatform(clock, async (_url, init) => {
                bodies.push(readBody(init.body));
                return receiptFor(init);
              }),
              locks: undefined,
              lockName: 'test',
              onAnswer,
            }),
            sendLeaving: () => undefined,
          }),
        }),
      createFlusher: () => {
        throw new Error('not this way');
      },
    });
  };
  return createCollector({
    clock,
    emitter: createEmitter(),
    openChannel: () => (channel === undefined ? undefined : new BroadcastChannel(channel)),
    configure: (options) =>
      readOptions(options, 'https://cdn.example/js/waybill.js', 'https://site.example/a/'),
    chunksOf: () => ({ flush, link: never, rare: never }),
    async openStorage(endpoint) {
      asked.push('storage');
      if (surroundings.isStorable?.() === false) throw new Error('refused');
      const { optedOut } = await storage.transact(['endpoints'], (tx) => readState(tx, endpoint));
      return { storage, optedOut };
    },
    whenQuiet: () => Promise.resolve(),
  });
}
