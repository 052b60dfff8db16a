import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { mainThreadMs, OURS, type Stage, type Variant } from './stage.ts';

const LOOP_EVENTS = 2_000;
const PER_FRAME = 10;

/** After the loop: longer than our debounce, so that delivering counts as well. */
const AFTER_MS = 1_500;

export interface LoopSample {
  readonly trackMs: number;
  readonly trackP99Ms: number;
  readonly framesMs: number;
  readonly longTasks: number;
  readonly durableMs: readonly number[];
  /** Of the main thread, over the loop and `AFTER_MS`. */
  readonly cpuMs: number;
  readonly arrived: number;
  readonly requests: number;
  readonly wireBytes: number;
}

/** Tracks `LOOP_EVENTS` events, `PER_FRAME` in each animation frame, and waits until they have arrived. */
export async function measureLoop(stage: Stage, variant: Variant): Promise<LoopSample> {
  const page = await stage.open(variant, variant);
  await page.evaluate((count) => window.bench.load(count), LOOP_EVENTS);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const since = stage.collector.requests.length;
  const before = await mainThreadMs(session);
  const cost = await page.evaluate((perFrame) => window.bench.runFrames(perFrame), PER_FRAME);
  await delay(AFTER_MS);
  const cpuMs = (await mainThreadMs(session)) - before;
  const origin = stage.collector.origin(variant);
  if (variant !== 'none') await waitForEvents(stage, origin, since, LOOP_EVENTS);
  await closePage(page);
  const posts = stage.collector.posts(origin, since);
  const preflights = stage.collector.requests
    .slice(since)
    .filter((request) => request.method === 'OPTIONS' && request.origin === origin);
  return {
    ...cost,
    cpuMs,
    arrived: posts.reduce((sum, { events }) => sum + events, 0),
    requests: posts.length,
    wireBytes: [...posts, ...preflights].reduce((sum, { wireBytes }) => sum + wireBytes, 0),
  };
}

/** From the arrival of the script on a page of a known site until its first event is stored, milliseconds. */
export async function measureFirst(stage: Stage, variant: Variant): Promise<number> {
  const page = await stage.visit(variant, variant, '?first');
  const firstMs = await page.evaluate(() => window.benchFirst ?? NaN);
  await page.evaluate(() => window.bench.waybill().flush());
  await closePage(page);
  return firstMs;
}

/**
 * Waits until so many events of an origin have arrived, or none has for a while.
 *
 * @throws If ours don't all arrive, or arrive more than once.
 */
export async function waitForEvents(
  stage: Stage,
  origin: string,
  since: number,
  expected: number,
): Promise<void> {
  const arrived = (): number =>
    stage.collector.posts(origin, since).reduce((sum, { events }) => sum + events, 0);
  let idleMs = 0;
  for (let seen = arrived(); seen < expected && idleMs < 8_000;) {
    await delay(50);
    const now = arrived();
    idleMs = now === seen ? idleMs + 50 : 0;
    seen = now;
  }
  const isOurs = OURS.some((variant) => origin.includes(variant));
  if (isOurs && arrived() !== expected) {
    throw new Error(`${arrived()} of ${expected} events arrived from ${origin}`);
  }
}

async function closePage(page: Page): Promise<void> {
  await page.close();
  // The next one starts when this one's process is gone.
  await delay(300);
}
