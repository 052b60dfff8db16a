/** Of a database that is made to be deleted. */
const SCRATCH_NAME = 'waybill-scratch';

/**
 * Has Chromium begin a new log for the databases of this origin: deleting any of them does.
 *
 * What a kill leaves of the write that it has interrupted does no harm by itself. But LevelDB goes on writing behind it,
 * and at the start after that Chromium takes the log for corrupt and removes every database of the origin (LevelDB's issue
 * 1287). What was written before and since is safe once the log is a new one.
 *
 * Costs the browser's process a write of what is in the log, up to 4 MB; the page waits for none of it. Must not be called
 * where IndexedDB is refused.
 */
export function renewLog(): void {
  // Only Chromium, whose databases share a log, tells of losses in this way.
  if (!('dataLoss' in IDBVersionChangeEvent.prototype)) return;
  const opening = indexedDB.open(SCRATCH_NAME);
  opening.onsuccess = () => {
    opening.result.close();
    indexedDB.deleteDatabase(SCRATCH_NAME);
  };
}
