import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import { expectExactlyOnce, names, scriptTag, trackAndAwait, waitForWorker } from '../support/client-tab.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe('a site on another origin than its collector', () => {
  let assets: Awaited<ReturnType<typeof makeTempFolder>>;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let collector: RecordingCollector;
  let site: RecordingCollector;

  beforeAll(async () => {
    assets = await makeTempFolder();
    await buildClient(assets.path);
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser.close();
    await assets.remove();
  });

  // On new ports, so that no origin has a past.
  beforeEach(async () => {
    collector = new RecordingCollector(assets.path);
    site = new RecordingCollector('/nowhere');
    await Promise.all([collector.start(), site.start()]);
    site.files.set('/waybill-sw.js', { body: `importScripts('${collector.otherOrigin}/waybill-sw.js')` });
  });
  afterEach(async () => {
    for (const page of browser.context.pages()) await page.close();
    await Promise.all([collector.stop(), site.stop()]);
  });

  /** Opens the site's page under a policy; `problems` holds what the page and the policy had to complain about. */
  async function openPage(
    tag: string,
    policy?: string,
  ): Promise<{ readonly page: Page; readonly problems: string[] }> {
    const headers: Record<string, string> = policy ? { 'Content-Security-Policy': policy } : {};
    site.files.set('/', { body: `<!doctype html><title>Site</title>${tag}`, headers });
    const page = await browser.context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      // Chromium asks for an icon that the site doesn't have.
      if (message.type() === 'error' && !message.text().includes('404')) problems.push(message.text());
    });
    await page.goto(site.origin);
    return { page, problems };
  }

  async function expectDelivery(page: Page): Promise<void> {
    expect(await trackAndAwait(page, 'a', 20)).toMatchObject({ status: 'delivered', sequence: 19 });
    await expectExactlyOnce(collector, names('a', 20), [page]);
    expect(new Set(collector.arrivals.map(({ batch }) => batch)).size).toBe(1);
  }

  const hosts = (): string => `script-src ${collector.otherOrigin}; connect-src ${collector.otherOrigin}`;

  it('delivers by its one-line worker', async () => {
    const { page, problems } = await openPage(
      scriptTag(collector.otherOrigin, 'data-worker="/waybill-sw.js"'),
    );
    await waitForWorker(page, 'active');
    await expectDelivery(page);
    expect(problems).toEqual([]);
  });

  it.each([
    { by: 'hosts', worker: 'active' },
    { by: 'a nonce', worker: 'active' },
    { by: 'hosts', worker: 'none' },
    { by: 'a nonce', worker: 'none' },
  ] as const)('delivers under a policy that names $by, worker $worker', async ({ by, worker }) => {
    const nonce = by === 'hosts' ? '' : 'nonce="r4nd0m"';
    const scripts = nonce ? `'nonce-r4nd0m'` : collector.otherOrigin;
    const attributes = `${nonce} ${worker === 'active' ? 'data-worker="/waybill-sw.js"' : ''}`;
    const { page, problems } = await openPage(
      scriptTag(collector.otherOrigin, attributes),
      `default-src 'none'; script-src ${scripts}; connect-src ${collector.otherOrigin}; worker-src 'self'`,
    );
    await waitForWorker(page, worker);
    await expectDelivery(page);
    expect(problems).toEqual([]);
  });

  it('delivers from the page when the policy allows no worker', async () => {
    const { page } = await openPage(
      scriptTag(collector.otherOrigin, 'data-worker="/waybill-sw.js"'),
      `default-src 'none'; ${hosts()}; worker-src 'none'`,
    );
    await waitForWorker(page, 'unavailable');
    await expectDelivery(page);
  });

  it('registers its worker through the policy that Trusted Types ask for', async () => {
    const { page, problems } = await openPage(
      scriptTag(collector.otherOrigin, 'data-worker="/waybill-sw.js"'),
      `require-trusted-types-for 'script'; trusted-types waybill; worker-src 'self'; ${hosts()}`,
    );
    await waitForWorker(page, 'active');
    await expectDelivery(page);
    expect(problems).toEqual([]);
  });

  it('delivers from the page when Trusted Types refuse the policy', async () => {
    const { page } = await openPage(
      scriptTag(collector.otherOrigin, 'data-worker="/waybill-sw.js"'),
      `require-trusted-types-for 'script'; trusted-types other; worker-src 'self'; ${hosts()}`,
    );
    await waitForWorker(page, 'unavailable');
    await expectDelivery(page);
  });

  it('shares a worker with the site, whose handlers go on as before', async () => {
    site.files.set('/site-sw.js', {
      body: `
        addEventListener('fetch', (event) => {
          if (event.request.url.endsWith('/made-by-worker')) event.respondWith(new Response('made'));
        });
        addEventListener('message', (event) => event.source?.postMessage(['heard', event.data]));
        addEventListener('sync', (event) => event.waitUntil(fetch('/synced-' + event.tag)));
        importScripts('${collector.otherOrigin}/waybill-sw.js');
      `,
    });
    const { page, problems } = await openPage(scriptTag(collector.otherOrigin, 'data-worker="/site-sw.js"'));
    await waitForWorker(page, 'active');
    await expectDelivery(page);
    // The site decides when its worker takes over, and has not done so.
    expect(await page.evaluate(() => navigator.serviceWorker.controller)).toBeNull();

    await page.reload();
    await waitForWorker(page, 'active');
    const made = page.evaluate(async () => (await fetch('/made-by-worker')).text());
    expect(await made).toBe('made');
    const heard = page.evaluate(
      () =>
        new Promise((resolve) => {
          navigator.serviceWorker.addEventListener('message', ({ data }) => {
            if (Array.isArray(data) && data[1] === 'mine') resolve(data[0]);
          });
          navigator.serviceWorker.controller?.postMessage('mine');
        }),
    );
    expect(await heard).toBe('heard');
    expect(await trackAndAwait(page, 'b', 5)).toMatchObject({ status: 'delivered' });
    await expectExactlyOnce(collector, [...names('a', 20), ...names('b', 5)], [page]);
    expect(problems).toEqual([]);
  });

  it.each([
    { who: 'a worker shared with the site', file: '/site-sw.js', state: 'installed' },
    { who: 'a worker of its own', file: '/waybill-sw.js', state: 'activated' },
  ])('leaves a new version of $who $state beside an open page', async ({ file, state }) => {
    site.files.set(file, { body: `importScripts('${collector.otherOrigin}/waybill-sw.js')` });
    const { page } = await openPage(scriptTag(collector.otherOrigin, `data-worker="${file}"`));
    await waitForWorker(page, 'active');
    // From now on the page is the worker's own, and a new one that waits must wait for it.
    await page.reload();
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    site.files.set(file, { body: `importScripts('${collector.otherOrigin}/waybill-sw.js') // new` });
    const reached = await page.evaluate(async (expected) => {
      const [registration] = await navigator.serviceWorker.getRegistrations();
      await registration?.update();
      const worker = registration?.installing ?? registration?.waiting ?? registration?.active;
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (worker?.state === expected) resolve();
        };
        worker?.addEventListener('statechange', look);
        look();
      });
      // One that takes over has asked for it while it was being installed.
      await new Promise((resolve) => setTimeout(resolve, 500));
      return worker?.state;
    }, state);
    expect(reached).toBe(state);
  });
});
