import type { Storage } from './storage.ts';

/** Of a database that is made to be deleted. */
const SCRATCH_NAME = 'waybill-scratch';

/**
 * From the deletion until what the log held lies in a table. A guess, ten times what was measured: Chromium says that the
 * database is deleted before it writes the table, and says nothing afterwards.
 */
const TABLE_MS = 250;

/** Longest wait for a renewal. A guess; after it, what was written is as safe as without one. */
const RENEWAL_LIMIT_MS = 5_000;

/**
 * Has Chromium begin a new log for the databases of this origin, as deleting one of them does.
 *
 * What a kill leaves of a write that it has interrupted does no harm by itself. But LevelDB goes on writing behind it, and
 * when it next opens the log, Chromium takes it for corrupt and removes every database of the origin (LevelDB's issue
 * 1287). With a new log, what was written before and comes later is safe from that: what the old one held, also behind
 * the damage, goes into a table, and the old log is deleted.
 *
 * Costs the browser's process a write of what is in the log, up to 4 MB, and of tables that overlap it. No write waits for
 * it, only the word that something is stored.
 *
 * @returns What does so, once; a call after it has failed tries again.
 */
export function createLogRenewal(): Required<Pick<Storage, 'renewLog' | 'renewal'>> {
  let renewal: Promise<void> | undefined;

  function renewLog(): Promise<void> {
    // Only Chromium, whose databases share a log, tells of losses in this way. Where IndexedDB is refused, this throws.
    renewal ??= new Promise<void>((resolve) => {
      if (!('dataLoss' in IDBVersionChangeEvent.prototype)) return resolve();
      const fail = (): void => {
        renewal = undefined;
        resolve();
      };
      setTimeout(resolve, RENEWAL_LIMIT_MS);
      const opening = indexedDB.open(SCRATCH_NAME);
      opening.addEventListener('error', fail);
      opening.addEventListener('success', () => {
        opening.result.close();
        const deletion = indexedDB.deleteDatabase(SCRATCH_NAME);
        deletion.addEventListener('error', fail);
        deletion.addEventListener('success', () => setTimeout(resolve, TABLE_MS));
      });
    }).catch(() => undefined);
    return renewal;
  }

  return { renewLog, renewal: () => renewal };
}
