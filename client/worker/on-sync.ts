import { SYNC_TAG } from './background-sync.ts';
import { delivery, storage } from './delivery.ts';

/** The browser believes to be online again. It tries again later, with a backoff of its own, if we reject. */
export function onSync(event: SyncEvent): void {
  if (event.tag === SYNC_TAG) event.waitUntil(deliver());
}

async function deliver(): Promise<void> {
  // The browser may have been started again for this, and no page may come.
  void storage.renewLog?.();
  const report = await delivery.flushOnSync();
  if (!report.ok || report.dueAt !== null) throw new Error('still queued');
}
