import type { Page } from 'playwright-core';
import { describe, expect, it, vi } from 'vitest';
import type { WorkerState } from '../../client/page/api.ts';
import { useClientSite } from '../support/client-site.ts';
import { WAIT, waitForWorker } from '../support/client-tab.ts';

/** What is delivered after the last tab of the site is gone. */
describe('a page that is left', () => {
  const stage = useClientSite();

  async function openTab(query: string, worker: WorkerState): Promise<Page> {
    const page = await stage.browser.context.newPage();
    await page.goto(stage.site.origin + query);
    await waitForWorker(page, worker);
    return page;
  }

  /** Tracks an event in this task, and returns when it is delivered or, if that is not awaited, stored. */
  async function track(page: Page, name: string, until: 'stored' | 'delivered'): Promise<string> {
    return page.evaluate(
      async ([value, moment]) => {
        const { waybill } = window;
        if (!waybill || !('track' in waybill)) throw new Error('no collector');
        const tracked = waybill.track('T', [value]);
        return (await (moment === 'stored' ? tracked.stored : tracked.delivered)).status;
      },
      [name, until] as const,
    );
  }

  it('while it is offline has its events delivered by Background Sync when the browser is back online', async () => {
    const page = await openTab('?worker', 'active');
    expect(await track(page, 'first', 'delivered')).toBe('delivered');
    await stage.browser.context.setOffline(true);
    expect(await track(page, 'offline', 'stored')).toBe('stored');
    // The worker has met silence, and has asked the browser.
    await vi.waitFor(async () => expect(await tagsOf(page)).toEqual(['waybill']), WAIT);
    await page.close();
    expect(stage.site.stored()).toEqual(['first']);
    await stage.browser.context.setOffline(false);
    await vi.waitFor(() => expect(stage.site.stored()).toEqual(['first', 'offline']), WAIT);
    expect(stage.site.conflicts).toEqual([]);
  });

  it('without a worker sends what is tracked while it is left, from then on, and the rest at the next visit', async () => {
    // Browsers call listeners of `pagehide` in the order in which they were added: this one comes before ours.
    await stage.browser.context.addInitScript(
      "addEventListener('pagehide', () => window.waybill.track('T', ['early']))",
    );
    const page = await openTab('', 'none');
    expect(await track(page, 'first', 'delivered')).toBe('delivered');
    await page.evaluate("addEventListener('pagehide', () => window.waybill.track('T', ['late']))");
    await page.close({ runBeforeUnload: true });
    await vi.waitFor(() => expect(stage.site.stored()).toContain('late'), WAIT);
    expect(stage.site.arrivals[1]).toMatchObject({ type: expect.stringContaining('text/plain'), count: 1 });
    const next = await openTab('', 'none');
    expect(await track(next, 'next', 'delivered')).toBe('delivered');
    await vi.waitFor(
      () => expect(stage.site.stored().toSorted()).toEqual(['early', 'first', 'late', 'next']),
      WAIT,
    );
    expect(stage.site.conflicts).toEqual([]);
  });

  it('in the task that tracked 12,000 events has all of them stored', async () => {
    const page = await stage.browser.context.newPage();
    // Nothing but the first script is there to see to it.
    await page.route('**/waybill-flush.js*', (route) => route.abort());
    await page.goto(stage.site.origin);
    expect(await track(page, 'first', 'stored')).toBe('stored');
    const names = Array.from({ length: 12_000 }, (_, place) => `event-${place}`);
    await page.evaluate((values) => {
      const { waybill } = window;
      if (!waybill || !('track' in waybill)) throw new Error('no collector');
      for (const value of values) waybill.track('T', [value]);
      location.href = 'about:blank';
    }, names);
    await page.waitForURL('about:blank');
    const next = await openTab('', 'none');
    expect(await track(next, 'next', 'delivered')).toBe('delivered');
    await vi.waitFor(
      () => expect(stage.site.stored().toSorted()).toEqual([...names, 'first', 'next'].toSorted()),
      WAIT,
    );
    expect(stage.site.conflicts).toEqual([]);
  });
});

function tagsOf(page: Page): Promise<readonly string[]> {
  return page.evaluate(async () => {
    const registration: object = await navigator.serviceWorker.ready;
    const sync: unknown = Reflect.get(registration, 'sync');
    if (typeof sync !== 'object' || sync === null) return [];
    const getTags: unknown = Reflect.get(sync, 'getTags');
    if (typeof getTags !== 'function') return [];
    const tags: unknown = await Reflect.apply(getTags, sync, []);
    return Array.isArray(tags) ? tags.map(String) : [];
  });
}
