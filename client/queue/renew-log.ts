/** Of a database that is made to be deleted. */
const SCRATCH_NAME = 'waybill-scratch';

/**
 * Has Chromium begin a new log for the databases of this origin, as deleting one of them does.
 *
 * What a kill leaves of a write that it has interrupted does no harm by itself. But LevelDB goes on writing behind it, and
 * when it next opens the log, Chromium takes it for corrupt and removes every database of the origin (LevelDB's issue
 * 1287). With a new log, what was written before and comes later is safe from that.
 *
 * Costs the browser's process a write of what is in the log, up to 4 MB, and of tables that overlap it. Nothing waits for
 * it here.
 *
 * @returns What does so, once; a call after it has failed tries again.
 */
export function createLogRenewal(): () => void {
  let isBegun = false;
  return () => {
    if (isBegun) return;
    isBegun = true;
    try {
      // Only Chromium, whose databases share a log, tells of losses in this way.
      if (!('dataLoss' in IDBVersionChangeEvent.prototype)) return;
      const opening = indexedDB.open(SCRATCH_NAME);
      opening.addEventListener('error', () => {
        isBegun = false;
      });
      opening.addEventListener('success', () => {
        opening.result.close();
        indexedDB.deleteDatabase(SCRATCH_NAME);
      });
    } catch {
      // IndexedDB is refused here.
    }
  };
}
