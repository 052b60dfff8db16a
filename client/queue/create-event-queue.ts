import { countLosses, readState } from './endpoint-state.ts';
import type { Burst, EventQueue } from './event-queue.ts';
import { MAX_LOSS_BURSTS } from './queue-limits.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** Where a page stores what it tracks, over any storage; see `EventQueue` for what it promises. */
export function createEventQueue(storage: Storage, endpoint: string): EventQueue {
  return {
    kind: storage.kind,
    enqueue: (burst, isRepeat) =>
      storage.transact(
        // A store that is not named is not waited for: the first write needs its own only.
        isRepeat ? ['fresh', 'sent', 'done', 'endpoints'] : burst.lost ? ['fresh', 'endpoints'] : ['fresh'],
        (tx) => write(tx, endpoint, burst, isRepeat),
      ),
  };
}

function write(tx: Transaction, endpoint: string, burst: Burst, isRepeat: boolean): void | Promise<void> {
  // No promise in the common case, so that the transaction is committed in the task that began it.
  if (!isRepeat && !burst.lost) return put(tx, endpoint, burst);
  return writeOnce(tx, endpoint, burst, isRepeat);
}

async function writeOnce(tx: Transaction, endpoint: string, burst: Burst, isRepeat: boolean): Promise<void> {
  const { id, lost } = burst;
  if (isRepeat && (await isKnown(tx, endpoint, id))) return;
  if (lost) {
    const state = await readState(tx, endpoint);
    const known = state.lossBursts ?? [];
    if (known.includes(id)) return;
    tx.put('endpoints', {
      ...countLosses(state, lost),
      lossBursts: [...known, id].slice(-MAX_LOSS_BURSTS),
    });
  }
  put(tx, endpoint, burst);
}

function put(tx: Transaction, endpoint: string, burst: Burst): void {
  const { id, events, count, bytes, createdAt } = burst;
  if (count > 0) tx.put('fresh', { endpoint, order: id, count, bytes, createdAt, id, events });
}

/** Whether the burst lies in the queue, on its own or merged into a batch, or has left it. */
async function isKnown(tx: Transaction, endpoint: string, id: string): Promise<boolean> {
  const fresh = await tx.keys('fresh', keysFrom(endpoint, id));
  if (fresh.length > 0) return true;
  const later = [
    ...(await tx.all('sent', keysFrom(endpoint))),
    ...(await tx.all('done', keysFrom(endpoint))),
  ];
  return later.some((batch) => batch.bursts.some((range) => range.burst === id));
}
