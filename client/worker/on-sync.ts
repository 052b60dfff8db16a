import { flush } from './delivery.ts';

/** Tag of our sync events; others are the site's own. */
const SYNC_TAG = 'waybill';

/** The browser believes to be online again. It tries again later, with a backoff of its own, if we reject. */
export function onSync(event: SyncEvent): void {
  if (event.tag === SYNC_TAG) event.waitUntil(deliver());
}

async function deliver(): Promise<void> {
  const report = await flush({ urgent: true });
  if (!report.ok || report.dueAt !== null) throw new Error('still queued');
}
