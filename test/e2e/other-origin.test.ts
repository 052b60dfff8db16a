import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { listHashedFiles, type HashedFile } from '../../server/assets.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const WAIT = { timeout: 30_000, interval: 50 };

/** A site of another origin than the collector, with a worker of its own that imports the collector's. */
async function startSite(collector: () => string, tag: (collector: string) => string): Promise<string> {
  const server = createServer(({ url }, response) => {
    const isWorker = url === '/site-sw.js';
    response.setHeader('Content-Type', isWorker ? 'text/javascript' : 'text/html');
    // The importing worker has a purpose of its own, which ours must not disturb.
    const worker = `importScripts('${collector()}/waybill-sw.js');
      addEventListener('message', ({ data, source }) => data === 'site' && source.postMessage('answer'));`;
    response.end(isWorker ? worker : `<!doctype html>${tag(collector())}`);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://localhost:${address.port}`;
}

async function builtScript(): Promise<HashedFile> {
  const script = (await listHashedFiles('dist/client')).find(({ file }) => file === 'waybill.js');
  if (script === undefined) throw new Error('the build lists no script');
  return script;
}

async function track(page: Page, name: string): Promise<void> {
  await page.waitForFunction("'track' in (window.waybill ?? {})");
  const stored = page.evaluate(`window.waybill.track('PORTFOLIO-ACCESSED', ['${name}']).stored`);
  expect(await stored).toEqual({ status: 'stored', storage: 'indexeddb' });
}

const statusOf = (page: Page): Promise<unknown> => page.evaluate('window.waybill.status()');

describe('a page of another origin', () => {
  let collector: ServerProcess;
  let context: BrowserContext;
  let site: string;

  beforeEach(async () => {
    const { hashed, integrity } = await builtScript();
    site = await startSite(
      () => collector.url,
      (url) => `<script async crossorigin src="${url}/${hashed}" integrity="${integrity}"
        data-customer="BARCHART" data-product="PORTFOLIO" data-worker="/site-sw.js"></script>`,
    );
    collector = await startServerProcess({ env: { WAYBILL_ORIGINS: site } });
    const browser = await openChromium();
    onTestFinished(browser.close);
    context = browser.context;
  });

  it('loads the script under its hashed name with integrity, its parts, and its own worker imports ours', async () => {
    const page = await context.newPage();
    await page.goto(site);
    await track(page, 'a');
    await expect.poll(() => statusOf(page), WAIT).toMatchObject({ worker: 'active', events: 0 });
    const answer = `new Promise((resolve) => {
      navigator.serviceWorker.addEventListener('message', ({ data }) => resolve(data));
      void navigator.serviceWorker.ready.then(({ active }) => active.postMessage('site'));
    })`;
    expect(await page.evaluate(answer)).toBe('answer');
  });

  it('goes on storing when it meets parts of another version, and delivers when it has the right ones', async () => {
    const page = await context.newPage();
    const other = { contentType: 'text/javascript', headers: { 'Access-Control-Allow-Origin': '*' } };
    const parts = /\/waybill-(link|flush)\.js/;
    let served = 0;
    await context.route(parts, (route) => {
      served++;
      return route.fulfill({ ...other, body: 'export const createDelivery2 = () => { throw 1; };' });
    });
    await page.goto(site);
    await expect.poll(() => served, WAIT).toBeGreaterThan(0);
    for (const name of ['a', 'b', 'c']) await track(page, name);

    await context.unroute(parts);
    await page.reload();
    await track(page, 'd');
    await expect.poll(() => statusOf(page), WAIT).toMatchObject({ worker: 'active', events: 0 });
    const segment = await readFile(`${collector.dataFolder}/segments/00000001.jsonl`, 'utf8');
    const names = [...segment.matchAll(/"context":\["(\w)"\]/g)].map(([, name = '']) => name);
    expect(new Set(names)).toEqual(new Set(['a', 'b', 'c', 'd']));
    expect(names).toHaveLength(4);
  });
});
