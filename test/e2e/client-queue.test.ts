import { build } from 'esbuild';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_QUEUE_CONTRACT } from '../contract/event-queue.contract.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';

describe('queue in IndexedDB of Chromium', () => {
  let page: Page;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let site: RecordingCollector;
  let assets: string;

  beforeAll(async () => {
    assets = await mkdtemp(join(tmpdir(), 'waybill-queue-'));
    await build({
      entryPoints: [fileURLToPath(new URL('../support/client-queue-page.ts', import.meta.url))],
      outfile: join(assets, 'waybill.js'),
      bundle: true,
      format: 'iife',
      target: 'es2020',
    });
    site = new RecordingCollector(assets);
    await site.start();
    browser = await openChromium();
    page = await browser.context.newPage();
    await page.goto(site.origin);
    await page.waitForFunction(() => 'queuePage' in window);
  });

  afterAll(async () => {
    await browser.close();
    await site.stop();
    await rm(assets, { recursive: true, force: true });
  });

  it.each(EVENT_QUEUE_CONTRACT)('$name', async ({ name }) => {
    await page.evaluate(([title, database]) => window.queuePage.runCase(title, database), [
      name,
      randomUUID(),
    ] as const);
  });

  it('opens a new connection when its own was closed', async () => {
    const count = await page.evaluate((database) => window.queuePage.surviveLoss(database), randomUUID());
    expect(count).toBe(1);
  });

  it('opens a new connection when the origin was cleared under the open page', async () => {
    const database = randomUUID();
    await page.evaluate((name) => window.queuePage.enqueue(name, 1), database);
    const session = await browser.context.newCDPSession(page);
    await session.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'indexeddb' });
    await page.evaluate((name) => window.queuePage.enqueue(name, 2), database);
    expect(await page.evaluate((name) => window.queuePage.count(name), database)).toBe(1);
  });

  it('goes on when another tab has raised the version of the database, also from the start', async () => {
    const database = randomUUID();
    await page.evaluate((name) => window.queuePage.enqueue(name, 1), database);
    await page.evaluate(
      (name) =>
        new Promise<void>((resolve, reject) => {
          const request = indexedDB.open(name, 7);
          request.addEventListener('success', () => resolve(request.result.close()));
          request.addEventListener('error', () => reject(new Error('not raised')));
        }),
      database,
    );
    await page.evaluate((name) => window.queuePage.enqueue(name, 2), database);
    const late = await browser.context.newPage();
    await late.goto(site.origin);
    await late.waitForFunction(() => 'queuePage' in window);
    expect(await late.evaluate((name) => window.queuePage.count(name), database)).toBe(2);
    await late.close();
  });

  it('is shared by two tabs', async () => {
    const database = randomUUID();
    const other = await browser.context.newPage();
    await other.goto(site.origin);
    await other.waitForFunction(() => 'queuePage' in window);
    await Promise.all(
      [page, other].map((tab, place) =>
        tab.evaluate(([name, at]) => window.queuePage.enqueue(name, at), [database, place] as const),
      ),
    );
    expect(await page.evaluate((name) => window.queuePage.count(name), database)).toBe(2);
    await other.close();
  });
});
