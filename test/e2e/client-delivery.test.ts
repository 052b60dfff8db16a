import type { Page } from 'playwright-core';
import { describe, expect, it, vi } from 'vitest';
import { useClientSite } from '../support/client-site.ts';
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
  const stage = useClientSite();

  /** Opens a tab and waits until its collector delivers. */
  async function openTab(): Promise<Page> {
    const page = await stage.browser.context.newPage();
    await page.goto(stage.site.origin + query);
    await waitForWorker(page, who === 'worker' ? 'active' : 'none');
    return page;
  }

  it('delivers a burst in one request and tells the page', async () => {
    const page = await openTab();
    const outcome = await trackAndAwait(page, 'a', 300);
    expect(outcome).toMatchObject({ status: 'delivered', sequence: 299 });
    expect(stage.site.arrivals.map((arrival) => arrival.count)).toEqual([300]);
    expect(stage.site.stored()).toEqual(names('a', 300));
  });

  it('delivers what was tracked right before the tab was closed', async () => {
    const page = await openTab();
    // Chromium ends a worker with the tab that has only just started it for the first time.
    await trackAndAwait(page, 'first', 1);
    await track(page, 'a', 200);
    await page.close();
    // Without a worker it takes the next visit.
    const tabs = who === 'worker' ? [] : [await openTab()];
    await vi.waitFor(() => expect(stage.site.stored().length).toBeGreaterThanOrEqual(201), WAIT);
    await expectExactlyOnce(stage.site, ['first0', ...names('a', 200)], tabs);
  });

  it('delivers what two tabs tracked while the server was down and that were then closed', async () => {
    const [left, right] = [await openTab(), await openTab()];
    await stage.site.stop();
    await Promise.all([track(left, 'left', 100), track(right, 'right', 100)]);
    await left.close();
    await right.close();
    await stage.site.start();
    const tab = await openTab();
    await vi.waitFor(() => expect(stage.site.stored().length).toBeGreaterThanOrEqual(200), WAIT);
    await expectExactlyOnce(stage.site, [...names('left', 100), ...names('right', 100)], [tab]);
  });

  it('sends a batch again under its id, unchanged, when the answer was cut', async () => {
    stage.site.reply = () => (stage.site.arrivals.length <= 2 ? 'cut' : 'receipt');
    const page = await openTab();
    const outcome = await trackAndAwait(page, 'a', 50);
    expect(outcome).toMatchObject({ status: 'delivered' });
    expect(new Set(stage.site.arrivals.map((arrival) => arrival.batch)).size).toBe(1);
    expect(stage.site.arrivals.length).toBe(3);
    await expectExactlyOnce(stage.site, names('a', 50), [page]);
  });

  it('sends nothing before the time that a 429 asked for, from any tab and by any hint', async () => {
    const refusal = {
      status: 429,
      headers: { 'Retry-After': '4', 'Access-Control-Expose-Headers': 'Retry-After' },
    };
    stage.site.reply = () => (stage.site.arrivals.length === 1 ? refusal : 'receipt');
    const [page, other] = [await openTab(), await openTab()];
    await track(page, 'a', 10);
    await vi.waitFor(() => expect(stage.site.arrivals).toHaveLength(1), WAIT);
    await track(other, 'b', 10);
    await Promise.all(
      [page, other].map((tab) =>
        tab.evaluate(async () => {
          dispatchEvent(new Event('online'));
          if (window.waybill && 'flush' in window.waybill) await window.waybill.flush();
        }),
      ),
    );
    await vi.waitFor(() => expect(stage.site.stored().length).toBeGreaterThanOrEqual(20), WAIT);
    const [first, second] = stage.site.arrivals.map((arrival) => arrival.atMs);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(3_950);
    await expectExactlyOnce(stage.site, [...names('a', 10), ...names('b', 10)], [page, other]);
  });

  it('takes no page that answers 200 for the collector', async () => {
    stage.site.reply = () =>
      stage.site.arrivals.length === 1 ? { status: 200, body: '<html>Please log in' } : 'receipt';
    const page = await openTab();
    expect(await trackAndAwait(page, 'a', 5)).toMatchObject({ status: 'delivered' });
    expect(stage.site.arrivals).toHaveLength(2);
  });

  it('splits a batch that is too large', async () => {
    stage.site.reply = ({ count }) => (count > 60 ? { status: 413 } : 'receipt');
    const page = await openTab();
    expect(await trackAndAwait(page, 'a', 200)).toMatchObject({ status: 'delivered', sequence: 49 });
    expect(stage.site.arrivals.map((arrival) => arrival.count)).toEqual([200, 100, 50, 50, 100, 50, 50]);
    await expectExactlyOnce(stage.site, names('a', 200), [page]);
  });
});
