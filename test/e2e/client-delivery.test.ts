import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import {
  expectExactlyOnce,
  names,
  track,
  trackAndAwait,
  WAIT,
  waitForWorker,
} from '../support/client-tab.ts';

describe.each([
  { who: 'worker', query: '?worker' },
  { who: 'page without a worker', query: '' },
])('delivery by the $who', ({ query, who }) => {
  let assets: string;
  let site: RecordingCollector;
  let browser: Awaited<ReturnType<typeof openChromium>>;

  beforeAll(async () => {
    assets = await mkdtemp(join(tmpdir(), 'waybill-delivery-'));
    await buildClient(assets);
  });

  afterAll(() => rm(assets, { recursive: true, force: true }));

  beforeEach(async () => {
    site = new RecordingCollector(assets);
    await site.start();
    browser = await openChromium();
  });

  afterEach(async () => {
    await browser.close();
    await site.stop();
  });

  /** Opens a tab and waits until its collector delivers. */
  async function openTab(): Promise<Page> {
    const page = await browser.context.newPage();
    await page.goto(site.origin + query);
    await waitForWorker(page, who === 'worker' ? 'active' : 'none');
    return page;
  }

  it('delivers a burst in one request and tells the page', async () => {
    const page = await openTab();
    const outcome = await trackAndAwait(page, 'a', 300);
    expect(outcome).toMatchObject({ status: 'delivered', sequence: 299 });
    expect(site.arrivals.map((arrival) => arrival.count)).toEqual([300]);
    expect(site.stored()).toEqual(names('a', 300));
  });

  it('delivers what was tracked right before the tab was closed', async () => {
    const page = await openTab();
    // Chromium ends a worker with the tab that has only just started it for the first time.
    await trackAndAwait(page, 'first', 1);
    await track(page, 'a', 200);
    await page.close();
    // Without a worker it takes the next visit.
    const tabs = who === 'worker' ? [] : [await openTab()];
    await vi.waitFor(() => expect(site.stored().length).toBeGreaterThanOrEqual(201), WAIT);
    await expectExactlyOnce(site, ['first0', ...names('a', 200)], tabs);
  });

  it('delivers what two tabs tracked while the server was down and that were then closed', async () => {
    const [left, right] = [await openTab(), await openTab()];
    await site.stop();
    await Promise.all([track(left, 'left', 100), track(right, 'right', 100)]);
    await left.close();
    await right.close();
    await site.start();
    const tab = await openTab();
    await vi.waitFor(() => expect(site.stored().length).toBeGreaterThanOrEqual(200), WAIT);
    await expectExactlyOnce(site, [...names('left', 100), ...names('right', 100)], [tab]);
  });

  it('sends a batch again under its id, unchanged, when the answer was cut', async () => {
    site.reply = () => (site.arrivals.length <= 2 ? 'cut' : 'receipt');
    const page = await openTab();
    const outcome = await trackAndAwait(page, 'a', 50);
    expect(outcome).toMatchObject({ status: 'delivered' });
    expect(new Set(site.arrivals.map((arrival) => arrival.batch)).size).toBe(1);
    expect(site.arrivals.length).toBe(3);
    await expectExactlyOnce(site, names('a', 50), [page]);
  });

  it('sends nothing before the time that a 429 asked for, from any tab and by any hint', async () => {
    const refusal = {
      status: 429,
      headers: { 'Retry-After': '4', 'Access-Control-Expose-Headers': 'Retry-After' },
    };
    site.reply = () => (site.arrivals.length === 1 ? refusal : 'receipt');
    const [page, other] = [await openTab(), await openTab()];
    await track(page, 'a', 10);
    await vi.waitFor(() => expect(site.arrivals).toHaveLength(1), WAIT);
    await track(other, 'b', 10);
    await Promise.all(
      [page, other].map((tab) =>
        tab.evaluate(async () => {
          dispatchEvent(new Event('online'));
          if (window.waybill && 'flush' in window.waybill) await window.waybill.flush();
        }),
      ),
    );
    await vi.waitFor(() => expect(site.stored().length).toBeGreaterThanOrEqual(20), WAIT);
    const [first, second] = site.arrivals.map((arrival) => arrival.atMs);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(3_950);
    await expectExactlyOnce(site, [...names('a', 10), ...names('b', 10)], [page, other]);
  });

  it('takes no page that answers 200 for the collector', async () => {
    site.reply = () =>
      site.arrivals.length === 1 ? { status: 200, body: '<html>Please log in' } : 'receipt';
    const page = await openTab();
    expect(await trackAndAwait(page, 'a', 5)).toMatchObject({ status: 'delivered' });
    expect(site.arrivals).toHaveLength(2);
  });

  it('splits a batch that is too large', async () => {
    site.reply = ({ count }) => (count > 60 ? { status: 413 } : 'receipt');
    const page = await openTab();
    expect(await trackAndAwait(page, 'a', 200)).toMatchObject({ status: 'delivered', sequence: 49 });
    expect(site.arrivals.map((arrival) => arrival.count)).toEqual([200, 100, 50, 50, 100, 50, 50]);
    await expectExactlyOnce(site, names('a', 200), [page]);
  });
});
