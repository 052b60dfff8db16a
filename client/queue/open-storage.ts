import { readState } from './endpoint-state.ts';
import { createIdbStorage } from './idb-storage.ts';
import type { OptOut } from './records.ts';
import { ALL_KEYS, type Key, type Storage } from './storage.ts';

export interface OpenedStorage {
  readonly storage: Storage;
  /** Whether the user has opted out of this endpoint, as of now. */
  readonly optedOut: OptOut | undefined;
}

/** Before a second attempt: what goes to memory is lost with the page. */
const PAUSE_MS = 500;

/** An attempt that took longer is not made again. */
const SLOW_MS = 2_000;

/** What is younger than this when a page begins may be on its way from the page before. */
const YOUNG_MS = 1_000;

/**
 * The queue's storage: IndexedDB or, where it is refused or gives no sign, memory.
 *
 * It falls back late, never for one failed transaction.
 *
 * @param openMemory - Loads the fallback, which hardly any page needs.
 */
export async function openStorage(
  name: string,
  endpoint: string,
  openMemory: () => Promise<Storage>,
): Promise<OpenedStorage> {
  const storage = createIdbStorage(name);
  for (let isLast = false; ; isLast = true) {
    const startedAt = Date.now();
    try {
      const optedOut = await storage.transact(
        ['endpoints', 'fresh', 'sent'],
        async (tx) => {
          // At once: the page's first write waits for the answers. What can throw comes before what can reject.
          const [fresh, sent, state] = await Promise.all([
            tx.keys('fresh', ALL_KEYS, 1),
            tx.keys('sent', ALL_KEYS, 1),
            readState(tx, endpoint),
          ]);
          if (state.optedOut || [...fresh, ...sent].some(isOld)) void storage.renewLog?.();
          return state.optedOut;
        },
        'readonly',
      );
      return { storage, optedOut };
    } catch {
      // Silent, or refused: a private window, a sandboxed frame, a policy. Memory still delivers while the page is open.
      if (isLast || Date.now() - startedAt > SLOW_MS) break;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
  }
  return { storage: await openMemory(), optedOut: undefined };
}

/** Whether it should have been delivered before there was this page, which then may be the first after a kill. */
function isOld(key: Key): boolean {
  const pageBegan = Date.now() - performance.now();
  return Number(key[4]) < pageBegan - YOUNG_MS;
}
