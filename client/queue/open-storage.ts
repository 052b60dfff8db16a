import { createIdbStorage } from './idb-storage.ts';
import type { Storage } from './storage.ts';

/** Longest wait for IndexedDB. A guess: some browsers never answer `open` in some profiles. */
const OPEN_LIMIT_MS = 10_000;

/**
 * The queue's storage: IndexedDB or, where it is refused or gives no sign, memory.
 *
 * It falls back late, never for one failed transaction: what goes to memory is lost with the page.
 *
 * @param openMemory - Loads the fallback, which hardly any page needs.
 */
export async function openStorage(name: string, openMemory: () => Promise<Storage>): Promise<Storage> {
  const storage = createIdbStorage(name);
  try {
    const opened = storage.transact(['endpoints'], () => true, 'readonly');
    const timeout = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), OPEN_LIMIT_MS));
    if (await Promise.race([opened, timeout])) return storage;
  } catch {
    // Refused: a private window, a sandboxed frame, a policy. Memory still delivers while the page is open.
  }
  return openMemory();
}
