import { worker } from './worker-scope.ts';

/** Tag of our sync events; others are the site's own. */
export const SYNC_TAG = 'waybill';

/**
 * Has the browser wake this worker when it believes to be online again, also when no tab is left. Never rejects.
 *
 * Only for after a send without any answer, and never from a sync event: one that is registered while the browser
 * believes to be online is fired at once, so that it would go round in a loop.
 */
export async function requestSync(): Promise<void> {
  try {
    // Missing in most browsers, and refused in some private windows.
    const { sync } = worker.registration;
    // One that waits for its next try is not fired again.
    if (sync && !(await sync.getTags()).includes(SYNC_TAG)) await sync.register(SYNC_TAG);
  } catch {
    // A bonus: whatever the browser can't do, the next visit does.
  }
}
