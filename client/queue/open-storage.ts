import { readState } from './endpoint-state.ts';
import { createIdbStorage } from './idb-storage.ts';
import type { OptOut } from './records.ts';
import type { Storage } from './storage.ts';

export interface OpenedStorage {
  readonly storage: Storage;
  /** Whether the user has opted out of this endpoint, as of now. */
  readonly optedOut: OptOut | undefined;
}

/**
 * The queue's storage: IndexedDB or, where it is refused or gives no sign, memory.
 *
 * It falls back late, never for one failed transaction: what goes to memory is lost with the page.
 *
 * @param openMemory - Loads the fallback, which hardly any page needs.
 */
export async function openStorage(
  name: string,
  endpoint: string,
  openMemory: () => Promise<Storage>,
): Promise<OpenedStorage> {
  const storage = createIdbStorage(name);
  try {
    const { optedOut } = await storage.transact(['endpoints'], (tx) => readState(tx, endpoint), 'readonly');
    return { storage, optedOut };
  } catch {
    // Silent, or refused: a private window, a sandboxed frame, a policy. Memory still delivers while the page is open.
  }
  return { storage: await openMemory(), optedOut: undefined };
}
