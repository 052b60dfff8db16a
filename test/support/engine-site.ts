import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * A site whose page and worker tell the server what happens to them: `said` has a line for each.
 *
 * `/page?name` counts its loads in IndexedDB, asks for `/ping` by itself and through the worker all the time, and
 * does what its further parameters say: `fill` stores up to 8 MiB, `sync` asks for a background sync.
 */
export class EngineSite {
  readonly said: string[] = [];
  origin = '';
  /** Answer of what the worker requests in a background sync. */
  syncStatus = 204;
  readonly #server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const files: Record<string, { type: string; body: string }> = {
      '/page': { type: 'text/html', body: PAGE },
      '/sw.js': { type: 'text/javascript', body: WORKER },
    };
    const file = files[url.pathname];
    if (file !== undefined) response.setHeader('Content-Type', file.type);
    else if (url.pathname === '/say') this.said.push(decodeURIComponent(url.search.slice(1)));
    response.statusCode = url.pathname === '/say' && url.search.startsWith('?sync') ? this.syncStatus : 200;
    response.setHeader('Cache-Control', 'no-store');
    response.end(file?.body);
  });

  async start(): Promise<void> {
    this.#server.listen(0);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.origin = `http://localhost:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** The part after the colon of the last line that begins so. */
  last(beginning: string): string | undefined {
    return this.said.findLast((line) => line.startsWith(`${beginning}: `))?.slice(beginning.length + 2);
  }

  count(beginning: string): number {
    return this.said.filter((line) => line.startsWith(beginning)).length;
  }
}

const PAGE = `<!doctype html><title>Page</title><script type="module">
const parameters = new URLSearchParams(location.search);
const [name] = parameters.keys();
const say = (what) => fetch('/say?' + encodeURIComponent(what), { method: 'POST' });
addEventListener('pagehide', () => navigator.sendBeacon('/say?' + encodeURIComponent(name + ' left: ')));
document.addEventListener('visibilitychange', () => say(name + ' is: ' + document.visibilityState));

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const opening = indexedDB.open('site', 1);
opening.onupgradeneeded = () => {
  opening.result.createObjectStore('loads', { autoIncrement: true });
  opening.result.createObjectStore('bytes', { autoIncrement: true });
};
const database = await done(opening);
const add = (store, value) => new Promise((resolve, reject) => {
  const transaction = database.transaction(store, 'readwrite');
  const request = transaction.objectStore(store).add(value);
  request.onerror = () => reject(request.error);
  transaction.oncomplete = resolve;
  transaction.onabort = () => reject(transaction.error);
});
await add('loads', name);
const loads = await done(database.transaction('loads').objectStore('loads').count());
await navigator.serviceWorker.register('/sw.js');
const { active } = await navigator.serviceWorker.ready;
await say(name + ' loads: ' + loads);

if (parameters.has('fill')) {
  let kibibytes = 0;
  try {
    for (; kibibytes < 8192; kibibytes += 64) await add('bytes', crypto.getRandomValues(new Uint8Array(65536)));
    await say(name + ' stored: everything');
  } catch (error) {
    await say(name + ' stored: not, ' + error.name);
  }
}
if (parameters.has('sync')) {
  const registration = await navigator.serviceWorker.ready;
  await registration.sync.register('tag');
}
setInterval(() => {
  active.postMessage('ping');
  say('page: ' + name).catch(() => {});
}, 100);
</script>`;

const WORKER = `
const instance = Math.random();
const say = (what) => fetch('/say?' + encodeURIComponent(what), { method: 'POST' });
addEventListener('install', () => skipWaiting());
addEventListener('message', (event) => event.waitUntil(say('worker: ' + instance).catch(() => {})));
addEventListener('sync', (event) => event.waitUntil(say('sync: ' + event.tag).then(({ ok }) => {
  if (!ok) throw new Error('not yet');
})));
`;
