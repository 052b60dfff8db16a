import { setTimeout as delay } from 'node:timers/promises';
import { waitForEvents } from './measure-loop.ts';
import { findRenderer, residentMb } from './renderer.ts';
import type { Stage, Variant } from './stage.ts';

const BACKLOG_EVENTS = 20_000;
const BURST_EVENTS = 1_000;

export interface BacklogSample {
  readonly loopMs: number;
  readonly durableMs: number;
  readonly grownMb: number;
  readonly flushMs: number;
  readonly requests: number;
}

/** Tracks `BACKLOG_EVENTS` events, each in a task of its own, while the collector is down, then brings it back. */
export async function measureBacklog(stage: Stage, variant: Variant): Promise<BacklogSample> {
  const site = `${variant}-backlog`;
  const origin = stage.collector.origin(site);
  const page = await stage.open(variant, site);
  const pid = await findRenderer(page);
  await page.evaluate((count) => window.bench.load(count), BACKLOG_EVENTS);
  await delay(500);
  const beforeMb = await residentMb(pid);
  await stage.collector.stop();
  const cost = await page.evaluate(() => window.bench.runTasks());
  const grownMb = (await residentMb(pid)) - beforeMb;
  await stage.collector.start();
  const since = stage.collector.requests.length;
  const backAt = Date.now();
  await page.evaluate(() => window.bench.waybill().flush());
  await waitForEvents(stage, origin, since, BACKLOG_EVENTS);
  await page.close();
  const posts = stage.collector.posts(origin, since);
  return { ...cost, grownMb, flushMs: (posts.at(-1)?.atMs ?? NaN) - backAt, requests: posts.length };
}

export interface WireSample {
  /** For `BURST_EVENTS` events tracked in one task. */
  readonly burstRequests: number;
  /** For as many tracked one by one while the collector was down. */
  readonly queuedRequests: number;
  /** With all headers, of those from the queue. */
  readonly wireBytesPerEvent: number;
}

/** Sends the fixed data set, as one burst and then from the queue. */
export async function measureWire(stage: Stage, variant: Variant): Promise<WireSample> {
  const { collector } = stage;
  const site = `${variant}-wire`;
  const origin = collector.origin(site);
  const page = await stage.open(variant, site);
  await page.evaluate((count) => window.bench.load(count), BURST_EVENTS);
  const atBurst = collector.requests.length;
  await page.evaluate(() => window.bench.runBurst());
  await waitForEvents(stage, origin, atBurst, BURST_EVENTS);
  const burstRequests = collector.posts(origin, atBurst).length;
  await collector.stop();
  await page.evaluate(() => window.bench.runTasks());
  await collector.start();
  const atQueue = collector.requests.length;
  await page.evaluate(() => window.bench.waybill().flush());
  await waitForEvents(stage, origin, atQueue, BURST_EVENTS);
  await page.close();
  const posts = collector.posts(origin, atQueue);
  const bytes = posts.reduce((sum, { wireBytes }) => sum + wireBytes, 0);
  return { burstRequests, queuedRequests: posts.length, wireBytesPerEvent: bytes / BURST_EVENTS };
}
