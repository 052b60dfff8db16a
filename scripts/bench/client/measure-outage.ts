import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { OURS, type Stage, type Variant } from './stage.ts';

const OUTAGE_MS = 20_000;
const RETRY_AFTER_SECONDS = 10;
const EVERY_MS = 250;

/** Requests of one page, or of two tabs of ours, while the collector refuses. */
export interface OutageSample {
  /** In `OUTAGE_MS` of 503. */
  readonly unavailable: number;
  /** From a 429 until the end of the time that it asks for, that request included. */
  readonly limited: number;
}

/** Has pages of all variants track at the same time, four events a second, while every answer is a refusal. */
export async function measureOutage(
  stage: Stage,
  variants: readonly Variant[],
  round: number,
): Promise<ReadonlyMap<Variant, OutageSample>> {
  const { collector } = stage;
  collector.refuse = (origin) =>
    origin.includes('-limited')
      ? { status: 429, headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) } }
      : { status: 503 };
  const pages: Page[] = [];
  const since = collector.requests.length;
  for (const variant of variants) {
    pages.push(await stage.open(variant, `${variant}-down-${round}`));
    // Two tabs and every hint that there is: none may send before the time.
    for (let tab = 0; tab < (OURS.includes(variant) ? 2 : 1); tab++)
      pages.push(await stage.open(variant, `${variant}-limited-${round}`));
  }
  await Promise.all(
    pages.map(async (page) => {
      await page.evaluate(() => window.bench.load(100));
      await page.evaluate(([everyMs, forMs]) => window.bench.runSlowly(everyMs, forMs), [
        EVERY_MS,
        OUTAGE_MS,
      ] as const);
    }),
  );
  for (let passedMs = 0; passedMs < OUTAGE_MS + 2_000; passedMs += 2_000) {
    await delay(2_000);
    await Promise.all(pages.filter((page) => page.url().includes('-limited')).map(hint));
  }
  for (const page of pages) await page.close();
  collector.refuse = () => undefined;
  const count = (site: string, forMs: number): number => {
    const posts = collector.posts(collector.origin(site), since);
    const endAt = (posts[0]?.atMs ?? NaN) + forMs;
    return posts.filter(({ atMs }) => atMs < endAt).length;
  };
  return new Map(
    variants.map((variant) => [
      variant,
      {
        unavailable: count(`${variant}-down-${round}`, OUTAGE_MS),
        limited: count(`${variant}-limited-${round}`, RETRY_AFTER_SECONDS * 1_000),
      },
    ]),
  );
}

/** What the browser and the site may do at any time in the hope that something can be sent. */
async function hint(page: Page): Promise<void> {
  await page.evaluate(async () => {
    dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('visibilitychange'));
    if (window.waybill && 'flush' in window.waybill) await window.waybill.flush();
  });
}
