import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { DEBOUNCE_MS } from '../../shared/worker-api.ts';
import { openChromium } from '../support/client-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';

/** Long enough for a backoff after a few failures on a busy machine. */
const WAIT = { timeout: 30_000, interval: 50 };

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
    await page.waitForFunction(
      async (worker) => {
        if (!window.waybill || !('status' in window.waybill)) return false;
        return (await window.waybill.status()).worker === worker;
      },
      who === 'worker' ? 'active' : 'none',
    );
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
    await expectExactlyOnce(['first0', ...names('a', 200)], tabs);
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
    await expectExactlyOnce([...names('left', 100), ...names('right', 100)], [tab]);
  });

  it('sends a batch again under its id, unchanged, when the answer was cut', async () => {
    site.reply = () => (site.arrivals.length <= 2 ? 'cut' : 'receipt');
    const page = await openTab();
    const outcome = await trackAndAwait(page, 'a', 50);
    expect(outcome).toMatchObject({ status: 'delivered' });
    expect(new Set(site.arrivals.map((arrival) => arrival.batch)).size).toBe(1);
    expect(site.arrivals.length).toBe(3);
    await expectExactlyOnce(names('a', 50), [page]);
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
    await expectExactlyOnce([...names('a', 10), ...names('b', 10)], [page, other]);
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
    await expectExactlyOnce(names('a', 200), [page]);
  });

  /** Judges only when nothing is left that could come again: by the queue, or by time if no tab is there to ask. */
  async function expectExactlyOnce(expected: readonly string[], tabs: readonly Page[]): Promise<void> {
    for (const tab of tabs) await vi.waitFor(async () => expect(await queuedEvents(tab)).toBe(0), WAIT);
    if (tabs.length === 0) await delay(2 * DEBOUNCE_MS);
    expect(site.doubles()).toEqual([]);
    expect(site.conflicts).toEqual([]);
    expect(site.stored().toSorted()).toEqual([...expected].toSorted());
  }
});

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** Tracks events one by one and returns when all are stored. */
async function track(page: Page, prefix: string, count: number): Promise<void> {
  await page.evaluate(
    async ([name, total]) => {
      const { waybill } = window;
      if (!waybill || !('track' in waybill)) throw new Error('no collector');
      const tracked = Array.from({ length: total }, (_, index) => waybill.track('T', [`${name}${index}`]));
      for (const { stored } of tracked) if ((await stored).status !== 'stored') throw new Error('not stored');
    },
    [prefix, count] as const,
  );
}

/** Tracks events in one task and returns what became of the last one. */
function trackAndAwait(page: Page, prefix: string, count: number): Promise<unknown> {
  return page.evaluate(
    async ([name, total]) => {
      const { waybill } = window;
      if (!waybill || !('track' in waybill)) throw new Error('no collector');
      const tracked = Array.from({ length: total }, (_, index) => waybill.track('T', [`${name}${index}`]));
      return tracked[total - 1]?.delivered;
    },
    [prefix, count] as const,
  );
}

/** What the page's collector says is not delivered yet. */
function queuedEvents(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const { waybill } = window;
    if (!waybill || !('status' in waybill)) throw new Error('no collector');
    return (await waybill.status()).events;
  });
}
