import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openStage, OURS, type Stage } from '../../scripts/bench/client/stage.ts';
import type { WireRequest } from '../../scripts/bench/client/wire-collector.ts';
import { buildClient } from '../../scripts/build-client.ts';

declare global {
  /** Set by the test, in a page or in a worker. */
  var answers: Response[] | undefined;
}

/** Long enough for a backoff on a busy machine. */
const WAIT = { timeout: 30_000, interval: 50 };

describe.each(OURS)('what crosses the wire (%s)', (variant) => {
  let assets: string;
  let stage: Stage;
  let page: Page;
  /** Each test has an origin of its own. */
  let site: string;
  let tests = 0;

  beforeAll(async () => {
    assets = await mkdtemp(join(tmpdir(), 'waybill-wire-'));
    await buildClient(assets);
    stage = await openStage(assets, {});
  });

  afterAll(async () => {
    await stage.close();
    await rm(assets, { recursive: true, force: true });
  });

  beforeEach(async () => {
    site = `${variant}-${++tests}`;
    stage.collector.refuse = () => undefined;
    page = await stage.open(variant, site);
  });

  afterEach(() => page.close());

  const origin = (): string => stage.collector.origin(site);

  const posts = (): readonly WireRequest[] => stage.collector.posts(origin());

  it('sends a burst of 1,000 in one request of at most 14 bytes an event, headers and all', async () => {
    await page.evaluate(() => window.bench.load(1_000));
    await burstAndFlush();
    expect(posts()).toMatchObject([{ events: 1_000, isGzip: true }]);
    expect((posts()[0]?.wireBytes ?? NaN) / 1_000).toBeLessThanOrEqual(14);
  });

  it('makes a request a second for a page that goes on tracking', async () => {
    const seconds = 8;
    await page.evaluate(async (count) => {
      for (let index = 0; index < count; index++) {
        window.bench.waybill().track('T', [String(index)]);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }, seconds * 10);
    expect(posts().length).toBeGreaterThan(1);
    expect(posts().length).toBeLessThanOrEqual(seconds + 2);
  });

  it('compresses when it pays only, and asks another origin once however often it sends', async () => {
    for (const count of [100, 1, 100]) {
      await page.evaluate((size) => window.bench.load(size), count);
      await burstAndFlush();
    }
    expect(posts().map(({ events, isGzip }) => ({ events, isGzip }))).toEqual([
      { events: 100, isGzip: true },
      { events: 1, isGzip: false },
      { events: 100, isGzip: true },
    ]);
    const own = stage.collector.requests.filter((request) => request.origin === origin());
    expect(own.map(({ method }) => method)).toEqual(['OPTIONS', 'POST', 'POST', 'POST']);
  });

  it('reads every answer to its end, refusals as well, so that none keeps a connection', async () => {
    // Where the requests are made.
    const run = <Result>(task: () => Result): Promise<Result> =>
      variant === 'worker' ? stage.worker(site).evaluate(task) : page.evaluate(task);
    await run(noteAnswers);
    await page.evaluate(() => window.bench.load(10));
    stage.collector.refuse = () => (posts().length === 1 ? { status: 413 } : undefined);
    await burstAndFlush();
    // The whole, refused, and its halves.
    expect(await run(readNotes)).toEqual([
      { status: 413, isRead: true },
      { status: 200, isRead: true },
      { status: 200, isRead: true },
    ]);
  });

  it('leaves nothing in cookies, localStorage or sessionStorage', async () => {
    await page.evaluate(() => window.bench.load(10));
    await burstAndFlush();
    expect(posts()).toHaveLength(1);
    expect(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie])).toEqual([
      0,
      0,
      '',
    ]);
    expect(await page.context().cookies()).toEqual([]);
  });

  /** Tracks what is loaded in one task, and returns when all of it has left the queue. */
  async function burstAndFlush(): Promise<void> {
    await page.evaluate(async () => {
      await window.bench.runBurst();
      await window.bench.waybill().flush();
    });
    await vi.waitFor(async () => {
      expect((await page.evaluate(() => window.bench.waybill().status())).events).toBe(0);
    }, WAIT);
  }
});

/** Keeps every answer that `fetch` gives from now on. */
function noteAnswers(): void {
  const notes: Response[] = [];
  globalThis.answers = notes;
  const { fetch } = globalThis;
  globalThis.fetch = async (url, init) => {
    const answer = await fetch(url, init);
    if (init?.method === 'POST') notes.push(answer);
    return answer;
  };
}

function readNotes(): unknown {
  return globalThis.answers?.map(({ status, bodyUsed }) => ({ status, isRead: bodyUsed }));
}
