import { createIdbStorage } from './idb-storage.ts';
import type { Storage } from './storage.ts';

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
    await storage.transact(['endpoints'], () => undefined, 'readonly');
    return storage;
  } catch {
    // Silent, or refused: a private window, a sandboxed frame, a policy. Memory still delivers while the page is open.
  }
  return openMemory();
}
