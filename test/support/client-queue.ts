import { createDeliveryQueue } from '../../client/queue/create-delivery-queue.ts';
import { createEventQueue } from '../../client/queue/create-event-queue.ts';
import { createQueueMonitor } from '../../client/queue/create-queue-monitor.ts';
import type { Burst, Lease } from '../../client/queue/event-queue.ts';
import type { LastAnswer } from '../../client/queue/records.ts';
import type { Storage } from '../../client/queue/storage.ts';
import { present } from './client-assert.ts';

export const ENDPOINT = 'https://collector.example/events';

/** A time that is plausible to every clamp. */
export const NOW = 1_700_000_000_000;

/** All sides of the queue of one endpoint over one storage. */
export function openQueue(storage: Storage, endpoint = ENDPOINT) {
  const events = createEventQueue(storage, endpoint);
  const monitor = createQueueMonitor(storage, endpoint);
  const delivery = createDeliveryQueue(storage);
  const lease = (nowMs = NOW, urgentBeforeMs = 0, isLocked = false) =>
    delivery.lease({ endpoint, nowMs, urgentBeforeMs, isLocked });
  const leaseNow = async (nowMs = NOW, urgentBeforeMs = 0, isLocked = false): Promise<Lease> =>
    present(await lease(nowMs, urgentBeforeMs, isLocked));
  return { storage, events, monitor, delivery, lease, leaseNow };
}

/** A burst of `count` events; its id sorts by `place`. */
export function makeBurst(place: number, count = 1, text = `{"n":${place}}`): Burst {
  const events = Array.from({ length: count }, () => text).join(',');
  const id = `018bcfe5-6800-7000-8000-${String(place).padStart(12, '0')}`;
  return { id, events, count, bytes: events.length, createdAt: NOW + place };
}

export function makeAnswer(result: LastAnswer['result'], at = NOW): LastAnswer {
  return { at, batch: '', status: 200, result };
}

/** What every storage must do for the queue; run in a test runner for memory, in a browser for IndexedDB. */
export interface ContractCase {
  readonly name: string;
  readonly run: (queue: ReturnType<typeof openQueue>) => Promise<void>;
}
