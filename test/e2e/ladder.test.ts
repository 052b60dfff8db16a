import type { Page } from 'playwright-core';
import type { WorkerState } from '../../client/page/api.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import {
  expectExactlyOnce,
  names,
  scriptTag,
  statusOf,
  trackAndAwait,
  waitForWorker,
} from '../support/client-tab.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** A name that is not this device's own, so that its pages without TLS are not trusted. */
const INSECURE_HOST = 'site.test';

interface Rung {
  readonly missing: string;
  /** Properties that page and worker lack. */
  readonly lacks?: readonly string[];
  /** Those that only the page lacks. */
  readonly pageLacks?: readonly string[];
  /** What else is done to the page. */
  readonly harm?: string;
  readonly worker?: WorkerState;
  readonly storage?: 'memory';
  readonly isInsecure?: boolean;
}

const NO_WORKER = ['navigator.serviceWorker'];
const IN_MEMORY = { worker: 'none', storage: 'memory' } as const;

const RUNGS: readonly Rung[] = [
  { missing: 'nothing' },
  { missing: 'Background Sync', lacks: ['self.SyncManager', 'ServiceWorkerRegistration.prototype.sync'] },
  { missing: 'service workers', pageLacks: NO_WORKER, worker: 'none' },
  { missing: 'Web Locks', lacks: ['navigator.locks'] },
  { missing: 'Web Locks and a worker', pageLacks: ['navigator.locks', ...NO_WORKER], worker: 'none' },
  { missing: 'CompressionStream', lacks: ['self.CompressionStream'] },
  {
    missing: 'CompressionStream and a worker',
    pageLacks: ['self.CompressionStream', ...NO_WORKER],
    worker: 'none',
  },
  { missing: 'BroadcastChannel', lacks: ['self.BroadcastChannel'] },
  {
    missing: 'BroadcastChannel and a worker',
    pageLacks: ['self.BroadcastChannel', ...NO_WORKER],
    worker: 'none',
  },
  { missing: 'navigator.storage', lacks: ['navigator.storage'] },
  { missing: 'requestIdleCallback', pageLacks: ['self.requestIdleCallback'] },
  { missing: 'online and offline events', harm: muteEvents(['online', 'offline']) },
  { missing: 'IndexedDB', pageLacks: ['self.indexedDB'], ...IN_MEMORY },
  {
    missing: 'permission to open IndexedDB',
    harm: `IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };`,
    ...IN_MEMORY,
  },
  {
    missing: 'an IndexedDB that opens',
    harm: `const { open } = IDBFactory.prototype;
      IDBFactory.prototype.open = function (name) {
        open.call(this, name, 7).onsuccess = ({ target }) => target.result.close();
        return open.call(this, name, 1);
      };`,
    ...IN_MEMORY,
  },
  {
    missing: 'an answer from IndexedDB',
    harm: `IDBFactory.prototype.open = () => {
        const request = Object.create(IDBOpenDBRequest.prototype);
        request.addEventListener = () => {};
        return request;
      };`,
    ...IN_MEMORY,
  },
  {
    missing: 'transactions that end well',
    harm: `const { transaction } = IDBDatabase.prototype;
      IDBDatabase.prototype.transaction = function (...args) {
        const tx = transaction.apply(this, args);
        tx.abort();
        return tx;
      };`,
    ...IN_MEMORY,
  },
  {
    missing: 'the Promise that asynchronous functions return, and a worker',
    pageLacks: NO_WORKER,
    harm: 'self.Promise = class extends Promise {};',
    worker: 'none',
  },
  { missing: 'TLS', isInsecure: true, worker: 'none' },
];

/** Takes a property away from its object or from that one's prototype, and makes sure of it. */
function remove(expression: string): string {
  const dot = expression.lastIndexOf('.');
  const [owner, name] = [expression.slice(0, dot), expression.slice(dot + 1)];
  return `
    if (!('${name}' in ${owner})) throw new Error('${expression} is not there at all');
    delete ${owner}.${name};
    delete Object.getPrototypeOf(${owner}).${name};
    if ('${name}' in ${owner}) throw new Error('${expression} is still there');`;
}

function muteEvents(types: readonly string[]): string {
  return `const { addEventListener: listen } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (type, ...rest) {
      if (!${JSON.stringify(types)}.includes(type)) listen.call(this, type, ...rest);
    };`;
}

describe('the ladder of what a browser may lack', () => {
  let assets: Awaited<ReturnType<typeof makeTempFolder>>;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let site: RecordingCollector;

  beforeAll(async () => {
    assets = await makeTempFolder();
    await buildClient(assets.path);
    browser = await openChromium({ args: [`--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`] });
  });
  afterAll(async () => {
    await browser.close();
    await assets.remove();
  });

  // On a new port, so that no origin has a past.
  beforeEach(async () => {
    site = new RecordingCollector(assets.path);
    await site.start();
  });
  afterEach(async () => {
    for (const page of browser.context.pages()) await page.close();
    await site.stop();
  });

  async function openPage(rung: Rung): Promise<{ readonly page: Page; readonly errors: string[] }> {
    const { harm = '', isInsecure, lacks = [], pageLacks = [] } = rung;
    const origin = isInsecure ? site.origin.replace('localhost', INSECURE_HOST) : site.origin;
    site.files.set('/ladder-sw.js', {
      body: `${lacks.map(remove).join('')} importScripts('/waybill-sw.js');`,
    });
    site.files.set('/', { body: scriptTag(origin, 'data-worker="/ladder-sw.js"') });
    const page = await browser.context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.addInitScript(`{ ${[...lacks, ...pageLacks].map(remove).join('')} ${harm} }`);
    await page.goto(origin);
    return { page, errors };
  }

  it.each(RUNGS)('delivers exactly once without $missing', async (rung) => {
    const { page, errors } = await openPage(rung);
    const status = await waitForWorker(page, rung.worker ?? 'active');
    expect(status?.storage).toBe(rung.storage ?? 'indexeddb');
    // A batch that is too large, and a lost answer to its first half: split and retry are needed as well.
    let isCut = false;
    site.reply = ({ count }) => {
      if (count > 30) return { status: 413 };
      if (isCut) return 'receipt';
      isCut = true;
      return 'cut';
    };
    const [first, second] = await Promise.all([trackAndAwait(page, 'a', 50), trackAndAwait(page, 'b', 10)]);
    expect(first).toMatchObject({ status: 'delivered' });
    expect(second).toMatchObject({ status: 'delivered' });
    await expectExactlyOnce(site, [...names('a', 50), ...names('b', 10)], [page]);
    expect(await statusOf(page)).toMatchObject({
      ledger: { dropped: 0, expired: 0, rejected: 0, unconfirmed: 0 },
    });
    expect(errors).toEqual([]);
  });
});
