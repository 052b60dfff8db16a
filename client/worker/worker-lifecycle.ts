import { worker } from './worker-scope.ts';

/** The file that sites serve for us alone; a worker of another name is the site's own. */
const OWN_FILE = /\/waybill-sw\.js$/;

/** A new version takes over at once; any version can deliver what any other has queued. */
export function install(event: ExtendableEvent): void {
  if (isOurs()) event.waitUntil(worker.skipWaiting());
}

export function activate(event: ExtendableEvent): void {
  if (isOurs()) event.waitUntil(worker.clients.claim());
}

/** A site's own worker that imports this bundle decides for itself when it takes over, and stays. */
export function isOurs(): boolean {
  return OWN_FILE.test(worker.location.pathname);
}
