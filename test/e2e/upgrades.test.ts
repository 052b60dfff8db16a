import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Status } from '../../client/page/api.ts';
import { buildClient } from '../../scripts/build-client.ts';
import { DEBOUNCE_MS } from '../../shared/worker-api.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import {
  expectExactlyOnce,
  names,
  scriptTag,
  statusOf,
  track,
  trackAndAwait,
  WAIT,
  waitForWorker,
} from '../support/client-tab.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** The client of fd93e56, as built; see its README. */
const OLD_CLIENT = fileURLToPath(new URL('../fixtures/client-1', import.meta.url));

const PAGE_FILES = ['waybill.js', 'waybill-link.js', 'waybill-flush.js', 'waybill-rare.js'] as const;
const WORKER_FILE = 'waybill-sw.js';

type Version = 'old' | 'new';

const ORDERS = [
  { first: 'old', second: 'new' },
  { first: 'new', second: 'old' },
] as const;

describe('an old and a new client on one origin', () => {
  const builds = new Map<Version, ReadonlyMap<string, string>>();
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let site: RecordingCollector;
  let errors: string[];

  beforeAll(async () => {
    const present = await makeTempFolder();
    await buildClient(present.path);
    builds.set('old', await readBuild(OLD_CLIENT));
    builds.set('new', await readBuild(present.path));
    await present.remove();
    browser = await openChromium();
  });
  afterAll(() => browser.close());

  // On a new port, so that no origin has a past.
  beforeEach(async () => {
    site = new RecordingCollector('/nowhere');
    await site.start();
    errors = [];
    for (const version of ['old', 'new'] as const) servePage(version, {}, version);
  });
  afterEach(async () => {
    for (const page of browser.context.pages()) await page.close();
    await site.stop();
  });

  function read(version: Version, file: string): string {
    const body = builds.get(version)?.get(file);
    if (body === undefined) throw new Error(`${version} has no ${file}`);
    return body;
  }

  /** Serves a version's worker, which also says when asked which one it is. */
  function serveWorker(version: Version): void {
    const tell = `addEventListener('message', ({ data, ports }) => data === 'version?' && ports[0].postMessage('${version}'));`;
    site.files.set(`/${WORKER_FILE}`, { body: tell + read(version, WORKER_FILE) });
  }

  /** Serves a script with its parts, some of which may be another version's, and a page that has it. */
  function servePage(name: string, others: Partial<Record<string, Version>>, version: Version): void {
    for (const file of PAGE_FILES)
      site.files.set(`/${name}/${file}`, { body: read(others[file] ?? version, file) });
    for (const [path, worker] of [
      ['with-worker', `/${WORKER_FILE}`],
      ['with-missing-worker', '/nowhere.js'],
      ['alone', ''],
    ] as const) {
      const attributes = `data-endpoint="/events" data-worker="${worker}"`;
      site.files.set(`/${name}/${path}`, { body: scriptTag(`/${name}`, attributes) });
    }
  }

  async function openPage(path: string): Promise<Page> {
    const page = await browser.context.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`${site.origin}/${path}`);
    await page.waitForFunction(() => window.waybill && 'status' in window.waybill);
    return page;
  }

  /** Opens a version's page and waits until it delivers: by this version of the worker, or by itself. */
  async function openTab(version: Version, worker?: Version): Promise<Page> {
    if (worker) serveWorker(worker);
    const page = await openPage(`${version}/${worker ? 'with-worker' : 'alone'}`);
    const status = await waitForWorker(page, worker ? 'active' : 'none');
    // What the old one knows nothing of.
    expect(status && 'consent' in status).toBe(version === 'new');
    if (worker) await waitForVersion(page, worker, endWorkers);
    return page;
  }

  async function endWorkers(): Promise<void> {
    const page = await browser.context.newPage();
    const session = await browser.context.newCDPSession(page);
    await session.send('ServiceWorker.enable');
    await session.send('ServiceWorker.stopAllWorkers');
    await page.close();
  }

  /** The database as the first client made it: no version ever knew more. */
  async function expectSameDatabase(page: Page): Promise<void> {
    expect(await page.evaluate(describeDatabases)).toEqual([
      { name: 'waybill', version: 1, stores: ['done', 'endpoints', 'fresh', 'sent'] },
    ]);
    expect(errors).toEqual([]);
  }

  describe.each([{ by: 'the page' }, { by: 'a worker' }])('where $by delivers', ({ by }) => {
    const hasWorker = by === 'a worker';

    it.each(ORDERS)(
      'has the $second one deliver what the $first one queued, sent without an answer, or sent in halves',
      async ({ first, second }) => {
        site.reply = ({ count }) => (count > 60 ? { status: 413 } : 'cut');
        const before = await openTab(first, hasWorker ? first : undefined);
        // Is split; the first half is stored, and its sender never hears of it.
        await track(before, 'a', 100);
        await vi.waitFor(() => expect(site.stored()).toHaveLength(50), WAIT);
        await site.stop();
        for (const burst of ['b', 'c', 'd']) await track(before, burst, 10);
        await before.close();

        // Nothing of it is for a worker of before that is started once more.
        site.reply = () => BUSY;
        await site.start();
        const after = await openTab(second, hasWorker ? second : undefined);
        site.reply = () => 'receipt';
        expect(await trackAndAwait(after, 'e', 5)).toMatchObject({ status: 'delivered' });
        const queued = ['b', 'c', 'd'].flatMap((burst) => names(burst, 10));
        await expectExactlyOnce(site, [...names('a', 100), ...queued, ...names('e', 5)], [after]);
        await expectSameDatabase(after);
      },
    );

    it.each(ORDERS)(
      'has the $second one go on with the losses that the $first one counted',
      async ({ first, second }) => {
        site.refuses = (name) => name === 'refused1';
        const before = await openTab(first, hasWorker ? first : undefined);
        expect(await trackAndAwait(before, 'refused', 3)).toMatchObject({ status: 'delivered' });
        await site.stop();
        await track(before, 'a', 1);
        await loseOne(before);
        await before.close();

        await site.start();
        const after = await openTab(second, hasWorker ? second : undefined);
        await loseOne(after);
        expect(await trackAndAwait(after, 'b', 1)).toMatchObject({ status: 'delivered' });
        await expectExactlyOnce(site, ['refused0', 'refused2', 'a0', 'b0'], [after]);
        await vi.waitFor(
          async () => expect(await statusOf(after)).toMatchObject({ ledger: THREE_LOST }),
          WAIT,
        );
        // One batch more, should the last losses have come too late for the ones before.
        expect(await trackAndAwait(after, 'c', 1)).toMatchObject({ status: 'delivered' });
        expect(site.log.ledger).toEqual(THREE_LOST);
        await expectSameDatabase(after);
      },
    );
  });

  it.each(ORDERS)(
    'has the $second one take over what the $first one was sending when its tab was closed',
    async ({ first, second }) => {
      site.reply = () => ({ afterMs: 20_000 });
      const before = await openTab(first);
      await track(before, 'a', 20);
      await vi.waitFor(() => expect(site.stored()).toHaveLength(20), WAIT);
      await before.close();
      site.reply = () => 'receipt';
      const after = await openTab(second);
      await expectExactlyOnce(site, names('a', 20), [after]);
      expect(site.arrivals.length).toBeGreaterThan(1);
      await expectSameDatabase(after);
    },
  );

  it('has the old one deliver what the new one sent while it was left and got no answer to', async () => {
    const before = await openTab('new');
    expect(await trackAndAwait(before, 'a', 1)).toMatchObject({ status: 'delivered' });
    site.reply = () => 'cut';
    await before.evaluate(() =>
      addEventListener('pagehide', () => {
        if (window.waybill && 'track' in window.waybill) window.waybill.track('T', ['left']);
      }),
    );
    await before.close({ runBeforeUnload: true });
    await vi.waitFor(() => expect(site.stored()).toContain('left'), WAIT);
    site.reply = () => 'receipt';
    const after = await openTab('old');
    await expectExactlyOnce(site, ['a0', 'left'], [after]);
    expect(new Set(site.arrivals.map(({ batch }) => batch)).size).toBe(2);
    await expectSameDatabase(after);
  });

  it.each([
    { worker: 'no', during: undefined, later: undefined },
    { worker: 'an old', during: 'old', later: 'old' },
    { worker: 'a new', during: 'new', later: 'new' },
    { worker: 'first an old and then a new', during: 'old', later: 'new' },
    { worker: 'first a new and then an old', during: 'new', later: 'old' },
  ] as const)('delivers exactly once from two tabs at the same time with $worker worker', async (row) => {
    const { during, later } = row;
    // Lost answers and a break among them, so that each meets what the other has sent.
    site.reply = () => {
      const place = site.arrivals.length;
      if (place === 2) return BUSY;
      return place === 1 || place === 4 ? 'cut' : { afterMs: 100 };
    };
    const tabs = [await openTab('old', during), await openTab('new', during)] as const;
    const replaceWorker = async (version: Version): Promise<void> => {
      serveWorker(version);
      const update = (): Promise<unknown> =>
        tabs[0].evaluate(async () => (await navigator.serviceWorker.ready).update());
      await update();
      let asks = 0;
      for (const tab of tabs)
        await waitForVersion(tab, version, async () => {
          // The browser may have joined the update to one of its own that had the file before it was replaced, and may
          // keep a worker that it was told to replace.
          if (++asks % 20 === 0) await update().then(endWorkers);
        });
    };
    const expected: string[] = [];
    for (let round = 0; round < 12; round++) {
      if (round === 4 && later) await replaceWorker(later);
      await Promise.all(
        tabs.map(async (tab, place) => {
          expected.push(...names(`${place}-${round}-`, 25));
          await track(tab, `${place}-${round}-`, 25);
          await tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 250)));
        }),
      );
    }
    await expectExactlyOnce(site, expected, tabs);
    expect(site.arrivals.length).toBeGreaterThan(4);
    for (const tab of tabs) await expectSameDatabase(tab);
  });

  it.each([
    { script: 'old', other: 'waybill-link.js', path: 'with-worker' },
    { script: 'old', other: 'waybill-flush.js', path: 'alone' },
    { script: 'old', other: 'waybill-flush.js', path: 'with-missing-worker' },
    { script: 'new', other: 'waybill-link.js', path: 'with-worker' },
    { script: 'new', other: 'waybill-flush.js', path: 'alone' },
    { script: 'new', other: 'waybill-flush.js', path: 'with-missing-worker' },
  ] as const)(
    'loses nothing where the $script script $path gets the other version of $other',
    async ({ script, other, path }) => {
      const version = script === 'old' ? 'new' : 'old';
      servePage('mixed', { [other]: version }, script);
      serveWorker(script);
      const mixed = await openPage(`mixed/${path}`);
      await track(mixed, 'a', 20);
      await vi.waitFor(() => expect(site.asked).toContain(`/mixed/${other}`), WAIT);
      // Enough for a delivery, should the two have found together. Whether or not: `track()` is as good as ever.
      await delay(3 * DEBOUNCE_MS);
      await track(mixed, 'b', 20);
      const tab = await openTab(script, path === 'alone' ? undefined : script);
      await track(mixed, 'c', 20);
      await mixed.close();
      expect(await trackAndAwait(tab, 'd', 1)).toMatchObject({ status: 'delivered' });
      await expectExactlyOnce(site, [...['a', 'b', 'c'].flatMap((burst) => names(burst, 20)), 'd0'], [tab]);
      await expectSameDatabase(tab);
    },
  );

  it.each([
    { other: 'waybill-link.js', path: 'with-worker' },
    { other: 'waybill-flush.js', path: 'alone' },
  ] as const)('opts out for good where the new script $path gets the old $other', async ({ other, path }) => {
    site.reply = () => ({ status: 503 });
    servePage('mixed', { [other]: 'old' }, 'new');
    serveWorker('old');
    const mixed = await openPage(`mixed/${path}`);
    await vi.waitFor(() => expect(site.asked).toContain(`/mixed/${other}`), WAIT);
    // Enough for the part to be taken up, should the two have found together.
    await delay(DEBOUNCE_MS);
    await track(mixed, 'a', 1);
    await mixed.evaluate(() =>
      window.waybill && 'status' in window.waybill ? window.waybill.optOut() : null,
    );
    await mixed.close();
    site.reply = () => 'receipt';
    const next = await openPage(`new/${path}`);
    expect(await trackAndAwait(next, 'b', 1)).toEqual({ status: 'discarded', reason: 'privacy' });
    await delay(3 * DEBOUNCE_MS);
    expect([site.stored(), errors]).toEqual([[], []]);
  });
});

const BUSY = { status: 503, headers: { 'Retry-After': '1' } };

const THREE_LOST: Status['ledger'] = { dropped: 0, expired: 0, rejected: 3, unconfirmed: 0 };

async function readBuild(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = [...PAGE_FILES, WORKER_FILE];
  return new Map(
    await Promise.all(files.map(async (file) => [file, await readFile(join(folder, file), 'utf8')] as const)),
  );
}

/** Has an event refused by `track()`, and stores something after it, which notes the loss. */
async function loseOne(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const { waybill } = window;
    if (!waybill || !('track' in waybill)) throw new Error('no collector');
    const { status } = await waybill.track('', []).stored;
    if (status !== 'rejected') throw new Error(status);
  });
}

/**
 * Waits until this version's worker is active. Another version's that waits for its next try may keep it waiting for
 * half a minute and more; polling it too often would do so as well.
 */
async function waitForVersion(page: Page, version: Version, hurry?: () => Promise<void>): Promise<void> {
  const ask = async (): Promise<unknown> => {
    const found = await page.evaluate(askWorker);
    if (found !== version) await hurry?.();
    return found;
  };
  await expect.poll(ask, { timeout: 60_000, interval: 500 }).toBe(version);
}

/** Which version the active worker says it is. */
async function askWorker(): Promise<unknown> {
  const { active } = await navigator.serviceWorker.ready;
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.addEventListener('message', ({ data }) => resolve(data));
    port1.start();
    active?.postMessage('version?', [port2]);
    // One that is just being replaced may never answer.
    setTimeout(resolve, 1_000);
  });
}

async function describeDatabases(): Promise<readonly DatabaseLook[]> {
  const found = await indexedDB.databases();
  const described = await Promise.all(
    found.map(
      ({ name = '', version }) =>
        new Promise<DatabaseLook>((resolve, reject) => {
          const opening = indexedDB.open(name);
          opening.addEventListener('error', () => reject(new Error('not opened')));
          opening.addEventListener('success', () => {
            const stores = [...opening.result.objectStoreNames].toSorted();
            opening.result.close();
            resolve({ name, version, stores });
          });
        }),
    ),
  );
  // A page that was closed in the midst of making and deleting it leaves an empty one.
  return described.filter(({ name, stores }) => name !== 'waybill-scratch' || stores.length > 0);
}

interface DatabaseLook {
  readonly name: string;
  readonly version: number | undefined;
  readonly stores: readonly string[];
}
