import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import {
  expectExactlyOnce,
  names,
  scriptTag,
  track,
  trackAndAwait,
  WAIT,
  waitForWorker,
} from '../support/client-tab.ts';
import { openRawChromium } from '../support/client-raw-chromium.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe.each([
  { who: 'worker', state: 'active', attributes: 'data-worker="/waybill-sw.js"' },
  { who: 'page', state: 'none', attributes: '' },
] as const)('the life of a page whose events the $who delivers', ({ state, attributes }) => {
  let assets: Awaited<ReturnType<typeof makeTempFolder>>;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let site: RecordingCollector;

  beforeAll(async () => {
    assets = await makeTempFolder();
    await buildClient(assets.path);
    browser = await openChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  });
  afterAll(async () => {
    await browser.close();
    await assets.remove();
  });

  // On a new port, so that no origin has a past.
  beforeEach(async () => {
    site = new RecordingCollector(assets.path);
    await site.start();
    site.files.set('/page', { body: scriptTag(site.origin, attributes) });
    site.files.set('/elsewhere', { body: '<title>Elsewhere</title>' });
  });
  afterEach(async () => {
    for (const page of browser.context.pages()) await page.close();
    await site.stop();
  });

  async function openPage(): Promise<Page> {
    const page = await browser.context.newPage();
    await page.goto(`${site.origin}/page`);
    await waitForWorker(page, state);
    return page;
  }

  it('goes on after a time in the back/forward cache', async () => {
    const page = await openPage();
    await page.evaluate(() => {
      const log: unknown[] = [];
      Object.assign(window, { log });
      addEventListener('pageshow', ({ persisted }) => log.push(persisted ? 'restored' : 'shown'));
      if (window.waybill && 'on' in window.waybill)
        window.waybill.on('delivered', ({ count }) => log.push(count));
    });
    const log = (): Promise<unknown> => page.evaluate('window.log');
    await trackAndAwait(page, 'before', 2);
    await expect.poll(log, WAIT).toEqual([2]);

    await page.goto(`${site.origin}/elsewhere`);
    // What is delivered meanwhile must neither throw the page out nor stay unknown to it.
    const other = await openPage();
    expect(await trackAndAwait(other, 'meanwhile', 3)).toMatchObject({ status: 'delivered' });
    await page.goBack({ waitUntil: 'commit' });
    const why: unknown = await page.evaluate(
      `JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)`,
    );
    await expect.poll(log, { ...WAIT, message: String(why) }).toEqual([2, 'restored', 3]);

    expect(await trackAndAwait(page, 'after', 4)).toMatchObject({ status: 'delivered' });
    await expect.poll(log, WAIT).toEqual([2, 'restored', 3, 4]);
    // News by message, not only by a look into the queue.
    await track(other, 'other', 1);
    await expect.poll(log, WAIT).toEqual([2, 'restored', 3, 4, 1]);
    await expectExactlyOnce(
      site,
      [...names('before', 2), ...names('meanwhile', 3), ...names('after', 4), 'other0'],
      [page, other],
    );
  });

  describe('in prerender', () => {
    let close: () => Promise<void>;
    afterEach(() => close());

    /** Opens a page that has another one prerendered, and waits until that one has tracked an event. */
    async function prerender(): Promise<void> {
      const tag = scriptTag(site.origin, attributes).replace('async ', '');
      site.files.set('/start', {
        body: `
          <script type="speculationrules">{"prerender":[{"urls":["/next"],"eagerness":"immediate"}]}</script>
          <script>
            (async function obey() {
              const path = await (await fetch('/command')).text();
              if (path) location.href = path;
              else setTimeout(obey, 100);
            })();
          </script>`,
      });
      site.files.set('/command', { body: '' });
      site.files.set('/next', {
        body: `${tag}<script>
          waybill.track('T', ['seen']).stored.then(() => fetch('/stored'));
          fetch(document.prerendering ? '/prerendered' : '/opened');
          ${TELL_STATUS}
        </script>`,
      });
      site.files.set('/later', { body: `${tag}<script>${TELL_STATUS}</script>` });
      close = await openRawChromium(`${site.origin}/start`);
      await expect.poll(() => site.asked, WAIT).toContain('/prerendered');
      // Longer than it takes to store and deliver.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(site.asked).not.toContain('/stored');
      expect(site.arrivals).toEqual([]);
    }

    it('delivers what was tracked once, when the page is activated', async () => {
      await prerender();
      site.files.set('/command', { body: '/next' });
      await expect.poll(() => site.stored(), WAIT).toEqual(['seen']);
      await expect.poll(() => site.asked, WAIT).toContain(`/${state}-0-delivered`);
      expect(site.asked).not.toContain('/opened');
      expect(site.stored()).toEqual(['seen']);
      expect(site.conflicts).toEqual([]);
    });

    it('neither stores nor sends what was tracked, when it is not', async () => {
      await prerender();
      site.files.set('/command', { body: '/later' });
      await expect.poll(() => site.asked, WAIT).toContain(`/${state}-0-none`);
      expect(site.asked).not.toContain('/stored');
      expect(site.arrivals).toEqual([]);
    });
  });
});

/** Has a page that nobody can look into ask for addresses that tell its worker, its queue and its last answer. */
const TELL_STATUS = `setInterval(async () => {
  const { events, lastAnswer, worker } = await waybill.status();
  fetch(['/' + worker, events, lastAnswer ? lastAnswer.result : 'none'].join('-'));
}, 200);`;
