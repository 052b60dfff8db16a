import { setTimeout as delay } from 'node:timers/promises';
import type { Frame, Page } from 'playwright-core';
import { expect, vi } from 'vitest';
import type { Status, WorkerState } from '../../client/page/api.ts';
import { DEBOUNCE_MS } from '../../shared/worker-api.ts';
import type { RecordingCollector } from './client-collector.ts';

/** Long enough for a backoff after a few failures on a busy machine. */
export const WAIT = { timeout: 30_000, interval: 50 };

/** First context values, which tell events apart. */
export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** Tracks events one by one and returns when all are stored. */
export async function track(page: Page | Frame, prefix: string, count: number): Promise<void> {
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
export function trackAndAwait(page: Page | Frame, prefix: string, count: number): Promise<unknown> {
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

/** What the page's collector says about itself; undefined before it has come. */
export function statusOf(page: Page | Frame): Promise<Status | undefined> {
  return page.evaluate(() =>
    window.waybill && 'status' in window.waybill ? window.waybill.status() : undefined,
  );
}

/**
 * Waits until the page's collector has delivery and its worker is in this state.
 *
 * Playwright's own `waitForFunction` takes a promise for true, whatever it resolves with.
 */
export async function waitForWorker(page: Page | Frame, state: WorkerState): Promise<Status | undefined> {
  await vi.waitFor(async () => expect(await statusOf(page)).toMatchObject({ worker: state }), WAIT);
  return statusOf(page);
}

/** Judges only when nothing is left that could come again: by the queue, or by time if no tab is there to ask. */
export async function expectExactlyOnce(
  site: RecordingCollector,
  expected: readonly string[],
  tabs: readonly (Page | Frame)[],
): Promise<void> {
  for (const tab of tabs)
    await vi.waitFor(async () => expect(await statusOf(tab)).toMatchObject({ events: 0 }), WAIT);
  if (tabs.length === 0) await delay(2 * DEBOUNCE_MS);
  expect(site.doubles()).toEqual([]);
  expect(site.conflicts).toEqual([]);
  expect(site.stored().toSorted()).toEqual([...expected].toSorted());
}

/** The script tag, as a site on any origin has it. */
export function scriptTag(collectorOrigin: string, attributes = ''): string {
  const src = `${collectorOrigin}/waybill.js`;
  return `<script async src="${src}" data-customer="C" data-product="P" ${attributes}></script>`;
}
