import type { Page } from 'playwright-core';
import { describe, expect, it, vi } from 'vitest';
import { useClientSite } from '../support/client-site.ts';
import { statusOf, WAIT } from '../support/client-tab.ts';

const DISCARDED = { status: 'discarded', reason: 'privacy' };

describe('privacy in Chromium', () => {
  const stage = useClientSite();

  async function openTab(path = '/?worker', prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
    const page = await stage.browser.context.newPage();
    await prepare?.(page);
    await page.goto(stage.site.origin + path);
    await page.waitForFunction(() => window.waybill && 'status' in window.waybill);
    return page;
  }

  /** Before anything is tracked: a page whose worker was too slow to start tries again only when it has something. */
  const untilActive = (page: Page) =>
    vi.waitFor(async () => {
      const worker = (await statusOf(page))?.worker;
      if (worker === 'unavailable') await page.reload();
      expect(worker).toBe('active');
    }, WAIT);
  const untilConsent = (page: Page, consent: string) =>
    vi.waitFor(async () => expect(await status(page)).toMatchObject({ consent }), WAIT);

  it('has an opt-out in one of two tabs beside a worker erase everything, until the user opts in', async () => {
    const [left, right] = [await openTab(), await openTab()];
    await Promise.all([untilActive(left), untilActive(right)]);
    // So that it is queued, and has been sent.
    stage.site.reply = () => ({ status: 503, headers: { 'Retry-After': '1' } });
    expect(await track(left, 'left')).toMatchObject({ status: 'stored' });
    expect(await track(right, 'right')).toMatchObject({ status: 'stored' });
    await vi.waitFor(() => expect(stage.site.arrivals.length).toBeGreaterThan(0), WAIT);
    expect(await records(left)).not.toEqual([]);
    await decide(left, 'optOut');
    await untilConsent(right, 'refused');
    stage.site.reply = () => 'receipt';
    expect(await Promise.all([left, right].map((page) => track(page, 'late')))).toEqual([
      DISCARDED,
      DISCARDED,
    ]);
    expect(await records(left)).toEqual([]);
    await left.reload();
    await untilConsent(left, 'refused');
    expect(await track(left, 'next visit')).toEqual(DISCARDED);
    await Promise.all([left, right].map(flush));
    expect(stage.site.stored()).toEqual([]);
    await decide(left, 'optIn');
    await untilConsent(right, 'granted');
    await track(left, 'left again');
    await track(right, 'right again');
    await vi.waitFor(
      () => expect(stage.site.stored().toSorted()).toEqual(['left again', 'right again']),
      WAIT,
    );
  });

  it('never sends what a tab writes that has not heard of the opt-out', async () => {
    const left = await openTab();
    const right = await openTab('/?worker', (tab) =>
      // No message reaches this one.
      tab.addInitScript(() => {
        BroadcastChannel.prototype.addEventListener = () => undefined;
      }),
    );
    await Promise.all([untilActive(left), untilActive(right)]);
    await decide(left, 'optOut');
    await track(right, 'late');
    await flush(right);
    await untilConsent(right, 'refused');
    expect([stage.site.arrivals, await records(left)]).toEqual([[], []]);
  });

  it('keeps events in memory alone while consent is pending, and nothing after a refusal', async () => {
    const asked: string[] = [];
    const page = await openTab('/pending', async (tab) => {
      await servePending(tab);
      tab.on('request', (request) => asked.push(new URL(request.url()).pathname));
    });
    const outcome = track(page, 'pending');
    await vi.waitFor(async () =>
      expect(await status(page)).toMatchObject({ consent: 'pending', unstored: 1 }),
    );
    // The time by which everything would have happened without the gate.
    await page.waitForLoadState('networkidle');
    expect(await page.evaluate(() => indexedDB.databases())).toEqual([]);
    expect(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(
      0,
    );
    await decide(page, 'optOut');
    expect(await outcome).toEqual(DISCARDED);
    expect(await records(page)).toEqual([]);
    await flush(page);
    expect(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(
      0,
    );
    expect(asked.filter((path) => path !== '/favicon.ico')).toEqual(['/pending', '/waybill.js']);
    expect(stage.site.arrivals).toEqual([]);
    // Also for pages that ask for no consent.
    expect(await track(await openTab(), 'elsewhere')).toEqual(DISCARDED);
  });

  it('delivers what was tracked while consent was pending once it is granted', async () => {
    const page = await openTab('/pending', servePending);
    const outcome = track(page, 'pending');
    await decide(page, 'optIn');
    expect(await outcome).toMatchObject({ status: 'stored', storage: 'indexeddb' });
    await vi.waitFor(() => expect(stage.site.stored()).toEqual(['pending']), WAIT);
  });

  it('takes Global Privacy Control for an opt-out, for as long as the browser says it', async () => {
    const page = await openTab('/?worker', (tab) =>
      tab.addInitScript(() =>
        Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true }),
      ),
    );
    expect(await track(page, 'no')).toEqual(DISCARDED);
    await untilConsent(page, 'refused');
    await flush(page);
    expect([stage.site.arrivals, await records(page)]).toEqual([[], []]);
    const without = await openTab();
    expect(await track(without, 'yes')).toMatchObject({ status: 'stored' });
    await vi.waitFor(() => expect(stage.site.stored()).toEqual(['yes']), WAIT);
  });
});

function track(page: Page, name: string): Promise<unknown> {
  return page.evaluate(async (value) => {
    const { waybill } = window;
    if (!waybill || !('track' in waybill)) throw new Error('no collector');
    return waybill.track('T', [value]).stored;
  }, name);
}

/** A page whose script tag waits for consent. */
function servePending(page: Page): Promise<unknown> {
  const attributes = 'data-customer="C" data-product="P" data-worker="/waybill-sw.js" data-consent="pending"';
  return page.route('**/pending', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><script src="/waybill.js" ${attributes}></script>`,
    }),
  );
}

function decide(page: Page, decision: 'optOut' | 'optIn'): Promise<void> {
  return page.evaluate(async (name) => {
    if (window.waybill && 'optOut' in window.waybill) await window.waybill[name]();
  }, decision);
}

function flush(page: Page): Promise<void> {
  return page.evaluate(async () => {
    if (window.waybill && 'flush' in window.waybill) await window.waybill.flush();
  });
}

function status(page: Page): Promise<unknown> {
  return page.evaluate(async () => {
    if (window.waybill && 'status' in window.waybill) return window.waybill.status();
    throw new Error('no collector');
  });
}

/** What the queue's stores hold, apart from the endpoint's state. */
function records(page: Page): Promise<unknown[]> {
  return page.evaluate(
    () =>
      new Promise<unknown[]>((resolve, reject) => {
        const opening = indexedDB.open('waybill');
        opening.addEventListener('error', () => reject(new Error('not opened')));
        opening.addEventListener('success', () => {
          const found: unknown[] = [];
          const tx = opening.result.transaction(['fresh', 'sent', 'done']);
          for (const store of ['fresh', 'sent', 'done']) {
            const reading = tx.objectStore(store).getAll();
            reading.addEventListener('success', () => {
              const values: readonly unknown[] = reading.result;
              found.push(...values);
            });
          }
          tx.addEventListener('complete', () => {
            opening.result.close();
            resolve(found);
          });
        });
      }),
  );
}
