import { install, isOurs } from './worker-lifecycle.ts';
import { worker } from './worker-scope.ts';

// The kill switch, served in place of a worker that has to go. It takes over at once and removes the registration;
// the queue stays as it is, and pages that get no answer from a worker deliver it by themselves.
self.addEventListener('install', (event) => {
  install(event);
  // Already here: Chromium lets a worker that hangs in an event go on for minutes before another is activated. Not
  // awaited: it is done only after the installation.
  if (isOurs()) void worker.registration.unregister();
});
