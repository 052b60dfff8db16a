import type { Frame, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import {
  expectExactlyOnce,
  names,
  scriptTag,
  statusOf,
  track,
  trackAndAwait,
  waitForWorker,
} from '../support/client-tab.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/**
 * Playwright has Chromium do without third-party storage partitioning; where that is off, it refuses a frame of another
 * site all storage. The last switch of a name is the one that counts.
 */
const AS_USERS_HAVE_IT = ['--disable-features=HttpsUpgrades'];

describe('a page in a frame', () => {
  let assets: Awaited<ReturnType<typeof makeTempFolder>>;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let site: RecordingCollector;
  let errors: string[];

  beforeAll(async () => {
    assets = await makeTempFolder();
    await buildClient(assets.path);
    browser = await openChromium({ args: AS_USERS_HAVE_IT });
  });
  afterAll(async () => {
    await browser.close();
    await assets.remove();
  });

  // On a new port, so that no origin has a past.
  beforeEach(async () => {
    site = new RecordingCollector(assets.path);
    await site.start();
    site.files.set('/framed', { body: scriptTag('', WORKER) });
    errors = [];
  });
  afterEach(async () => {
    for (const page of browser.context.pages()) await page.close();
    await site.stop();
  });

  /** Opens a page that has a collector of its own and a frame. */
  async function openPage(frameTag: string): Promise<{ readonly page: Page; readonly frame: Frame }> {
    site.files.set('/', { body: `<!doctype html>${scriptTag('', WORKER)}${frameTag}` });
    const page = await browser.context.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(site.origin);
    const frame = page.frames().find((one) => one.url().endsWith('/framed'));
    if (!frame) throw new Error('no frame');
    return { page, frame };
  }

  it('of its own origin shares queue and worker with the page around it', async () => {
    const { page, frame } = await openPage('<iframe src="/framed"></iframe>');
    await Promise.all([waitForWorker(page, 'active'), waitForWorker(frame, 'active')]);
    await site.stop();
    await Promise.all([track(page, 'page', 30), track(frame, 'frame', 30)]);
    expect(await statusOf(frame)).toMatchObject({ events: 60, storage: 'indexeddb' });
    await site.start();
    await expectExactlyOnce(site, [...names('page', 30), ...names('frame', 30)], [page, frame]);
    expect(errors).toEqual([]);
  });

  it('of another site has a queue and a worker apart, which outlive it', async () => {
    const frameTag = `<iframe src="${site.otherOrigin}/framed"></iframe>`;
    const { page, frame } = await openPage(frameTag);
    expect(await waitForWorker(frame, 'active')).toMatchObject({ storage: 'indexeddb' });
    expect(await trackAndAwait(frame, 'first', 1)).toMatchObject({ status: 'delivered' });
    await site.stop();
    await track(frame, 'frame', 30);
    await page.close();
    await site.start();
    // By the worker that the frame has left behind, or when the frame is back.
    const next = await openPage(frameTag);
    await waitForWorker(next.frame, 'active');
    await expectExactlyOnce(site, ['first0', ...names('frame', 30)], [next.page, next.frame]);

    await site.stop();
    await track(next.frame, 'again', 5);
    await site.start();
    // The same origin, opened by itself, has another queue.
    const alone = await browser.context.newPage();
    site.reply = () => ({ status: 503, headers: { 'Retry-After': '2' } });
    await alone.goto(`${site.otherOrigin}/framed`);
    expect(await waitForWorker(alone, 'active')).toMatchObject({ events: 0 });
    site.reply = () => 'receipt';
    await expectExactlyOnce(
      site,
      ['first0', ...names('frame', 30), ...names('again', 5)],
      [next.frame, alone],
    );
    expect(errors).toEqual([]);
  });

  it('that is sandboxed keeps its events in memory and delivers them while it is open', async () => {
    const { page, frame } = await openPage('<iframe sandbox="allow-scripts" src="/framed"></iframe>');
    expect(await waitForWorker(frame, 'none')).toMatchObject({ storage: 'memory' });
    await site.stop();
    await track(frame, 'frame', 30);
    expect(await statusOf(frame)).toMatchObject({ events: 30 });
    await site.start();
    await expectExactlyOnce(site, names('frame', 30), [frame]);
    expect(await trackAndAwait(frame, 'more', 5)).toMatchObject({ status: 'delivered' });
    // The page around it is none the worse for it.
    expect(await trackAndAwait(page, 'page', 5)).toMatchObject({ status: 'delivered' });
    expect(errors).toEqual([]);
  });
});

const WORKER = 'data-worker="/waybill-sw.js"';
