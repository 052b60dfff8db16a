import { QUEUE_NAME } from '../../shared/worker-api.ts';
import { announce, openChannel } from '../delivery/announce.ts';
import { browserPlatform } from '../delivery/browser-platform.ts';
import { createFlusher, earliestDueAt } from '../delivery/flusher.ts';
import { createWorkerFlusher } from '../delivery/worker-flusher.ts';
import { createDeliveryQueue } from '../queue/create-delivery-queue.ts';
import { createIdbStorage } from '../queue/idb-storage.ts';
import { requestSync } from './background-sync.ts';

const channel = openChannel();
const platform = browserPlatform();

/** The queue's, of all endpoints of the origin. */
export const storage = createIdbStorage(QUEUE_NAME);

const queue = createDeliveryQueue(storage);

/** This worker's delivery; see `WorkerFlusher`. */
export const delivery = createWorkerFlusher({
  flusher: createFlusher({
    queue,
    platform,
    locks: navigator.locks,
    lockName: QUEUE_NAME,
    onAnswer: (endpoint, done, holdUntil) => announce(channel, { endpoint, done: done ?? null, holdUntil }),
  }),
  dueAt: () => earliestDueAt(queue, platform.now()),
  platform,
  async requestSync() {
    // Events have to wait, perhaps for the next start of the browser.
    void storage.renewLog?.();
    await requestSync();
  },
});
