import { readUnnoted } from './ballast.ts';
import { countLosses, readState } from './endpoint-state.ts';
import type { Burst, EventQueue } from './event-queue.ts';
import { CLOCK_SLACK_MS, MAX_DONE, MAX_LOSS_BURSTS } from './queue-limits.ts';
import { keysFrom, type Storage, type Transaction } from './storage.ts';

/** Where a page stores what it tracks, over any storage; see `EventQueue` for what it promises. */
export function createEventQueue(storage: Storage, endpoint: string): EventQueue {
  return {
    kind: storage.kind,
    renewal: () => storage.renewal?.(),
    enqueue: (burst, isRepeat) =>
      storage.transact(
        // A store that is not named is not waited for: the first write needs its own only.
        isRepeat ? ['fresh', 'sent', 'done', 'endpoints'] : burst.lost ? ['fresh', 'endpoints'] : ['fresh'],
        (tx) => write(tx, endpoint, burst, isRepeat),
      ),
  };
}

function write(
  tx: Transaction,
  endpoint: string,
  burst: Burst,
  isRepeat: boolean,
): boolean | Promise<boolean> {
  // No promise in the common case, so that the transaction is committed in the task that began it.
  if (isRepeat || burst.lost) return writeOnce(tx, endpoint, burst, isRepeat);
  put(tx, endpoint, burst);
  return true;
}

async function writeOnce(
  tx: Transaction,
  endpoint: string,
  burst: Burst,
  isRepeat: boolean,
): Promise<boolean> {
  const { id, lost } = burst;
  const fate = isRepeat ? await findBurst(tx, endpoint, burst) : 'absent';
  if (fate === 'known') return true;
  const losses = fate === 'forgotten' ? { ...lost, unconfirmed: burst.count } : lost;
  if (losses) {
    const state = await readState(tx, endpoint);
    const known = state.lossBursts ?? [];
    if (known.includes(id)) return fate !== 'forgotten';
    tx.put('endpoints', {
      ...countLosses(state, losses),
      lossBursts: [...known, id].slice(-MAX_LOSS_BURSTS),
    });
  }
  if (fate !== 'forgotten') put(tx, endpoint, burst);
  return fate !== 'forgotten';
}

function put(tx: Transaction, endpoint: string, burst: Burst): void {
  const { id, events, count, bytes, createdAt } = burst;
  if (count > 0) tx.put('fresh', { endpoint, order: id, count, bytes, createdAt, id, events });
}

/**
 * Whether the burst lies in the queue, on its own or merged into a batch, or has left it; `forgotten` if it may have
 * left it so long ago that nothing would be known of it.
 */
async function findBurst(
  tx: Transaction,
  endpoint: string,
  { id, triedAt = Infinity, repeatedAt = Infinity, isUnsure = false }: Burst,
): Promise<'known' | 'absent' | 'forgotten'> {
  const fresh = await tx.keys('fresh', keysFrom(endpoint, id));
  if (fresh.length > 0) return 'known';
  const done = await tx.all('done', keysFrom(endpoint));
  const later = [...(await tx.all('sent', keysFrom(endpoint))), ...done];
  if (later.some((batch) => batch.bursts.some((range) => range.burst === id))) return 'known';
  const [oldest] = done;
  // With fewer entries, none was ever thrown away.
  // What lies in the future was noted before the clock was set back: nothing follows from it.
  const from = repeatedAt < triedAt ? repeatedAt - CLOCK_SLACK_MS : triedAt;
  const isLater = (at: number): boolean => at >= from && at <= repeatedAt + CLOCK_SLACK_MS;
  const isPushedOut = oldest !== undefined && done.length >= MAX_DONE && isLater(oldest.at);
  const { erasedAt = 0 } = await readState(tx, endpoint);
  const { before } = await readUnnoted(tx);
  const isUnnoted = isUnsure && isLater(Math.min(before, repeatedAt));
  return isPushedOut || isLater(erasedAt) || isUnnoted ? 'forgotten' : 'absent';
}
