import { activate, install } from './worker-lifecycle.ts';
import { onMessage } from './on-message.ts';
import { onSync } from './on-sync.ts';

// Every listener is added in the script's first run: one that is added later misses the event that woke us.
// None for `fetch`: in WebKit even an empty one changes the page's requests.
self.addEventListener('install', install);
self.addEventListener('activate', activate);
self.addEventListener('message', onMessage);
self.addEventListener('sync', onSync);
