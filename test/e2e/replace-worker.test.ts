import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildClient } from '../../scripts/build-client.ts';
import { isRecord } from '../../shared/text.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** A busy machine's start of a worker, its silence, and the page's backoff. */
const WAIT = { timeout: 45_000, interval: 100 };

/** Installs and takes over as it should; what it does with messages is the trouble. */
const broken = (onMessage: string): string => `
  addEventListener('install', () => skipWaiting());
  addEventListener('activate', (event) => event.waitUntil(clients.claim()));
  addEventListener('message', (event) => { ${onMessage} });
`;

async function statusOf(page: Page): Promise<Readonly<Record<string, unknown>>> {
  const status: unknown = await page.evaluate('window.waybill?.status?.()');
  return isRecord(status) ? status : {};
}

async function track(page: Page, name: string): Promise<void> {
  await page.waitForFunction("'track' in (window.waybill ?? {})");
  expect(await page.evaluate(`window.waybill.track('T', ['${name}']).stored`)).toMatchObject({
    status: 'stored',
  });
}

const registrations = (page: Page): Promise<unknown> =>
  page.evaluate('navigator.serviceWorker.getRegistrations().then(({ length }) => length)');

describe('a worker that is broken', () => {
  it.each([
    ['throws', 'throw new Error("broken")'],
    ['hangs', 'event.waitUntil(new Promise(() => {}))'],
  ])(
    'and %s at every message is replaced by the kill switch, and later by a good one',
    async (_title, trouble) => {
      const assets = await tempFolder();
      await buildClient(assets);
      const [worker, good, off] = ['waybill-sw.js', 'good.js', 'waybill-sw-off.js'].map((name) =>
        join(assets, name),
      );
      if (worker === undefined || good === undefined || off === undefined) throw new Error('three names');
      await copyFile(worker, good);
      const site = new RecordingCollector(assets);
      await site.start();
      onTestFinished(() => site.stop());
      const { context, close } = await openChromium();
      onTestFinished(close);
      const page = await context.newPage();

      // The page notices, and delivers by itself.
      await writeFile(worker, broken(trouble));
      await page.goto(`${site.origin}?worker`);
      await track(page, 'broken');
      await expect.poll(() => site.stored(), WAIT).toEqual(['broken']);
      await expect.poll(() => statusOf(page), WAIT).toMatchObject({ worker: 'unavailable', events: 0 });
      expect(await registrations(page)).toBe(1);

      // What waits on the device is still there when the worker has gone, and is delivered.
      await site.stop();
      await track(page, 'waiting');
      await copyFile(off, worker);
      await site.start();
      await page.reload();
      await track(page, 'off');
      await expect.poll(() => registrations(page), WAIT).toBe(0);
      await expect.poll(() => site.stored().toSorted(), WAIT).toEqual(['broken', 'off', 'waiting']);
      await expect.poll(() => registrations(page), WAIT).toBe(0);

      // The mended one is taken as if there had never been another.
      await copyFile(good, worker);
      await rm(off);
      await page.reload();
      await track(page, 'good');
      await expect.poll(() => statusOf(page), WAIT).toMatchObject({ worker: 'active', events: 0 });
      expect(await registrations(page)).toBe(1);
      expect(site.stored().toSorted()).toEqual(['broken', 'good', 'off', 'waiting']);
      expect(site.doubles()).toEqual([]);
      expect(site.conflicts).toEqual([]);
    },
  );
});
