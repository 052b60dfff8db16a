import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import type { CDPSession, Page, Worker } from 'playwright-core';
import type { Status } from '../../../client/page/api.ts';
import { openChromium } from '../../open-chromium.ts';
import { CUSTOMER, makeDataSet, PRODUCT, VERSION } from './data-set.ts';
import { WireCollector, type Files } from './wire-collector.ts';

// Brings `window.bench` to whoever opens pages.
export type { BenchPage } from './bench-page.ts';

/** What a page tracks with: nothing, one `fetch` an event, ours in two ways, or another product's SDK. */
export type Variant = 'none' | 'naive' | 'worker' | 'page' | 'amplitude' | 'snowplow';

export const OURS: readonly Variant[] = ['worker', 'page'];

const SCRIPT_FILES = /^\/(waybill[\w-]*\.js)$/;

/** A browser, the pages it opens, and the collector that they send to. */
export interface Stage {
  readonly collector: WireCollector;
  /** Opens a page of this variant at its own origin and waits until it is quiet and can deliver. */
  open(variant: Variant, site: string): Promise<Page>;
  /** Opens the page and returns at once. */
  visit(variant: Variant, site: string, query?: string): Promise<Page>;
  /** The service worker of a site. */
  worker(site: string): Worker;
  close(): Promise<void>;
}

/**
 * Opens a browser with an empty profile.
 *
 * @param assets - Folder of the built client.
 * @param peers - Scripts of other products.
 */
export async function openStage(assets: string, peers: Readonly<Record<string, string>>): Promise<Stage> {
  const scripts = new Map(Object.entries(peers).map(([name, text]) => [`/${name}.js`, text]));
  scripts.set('/bench.js', await bundlePage());
  for (const file of await readdir(assets)) {
    if (SCRIPT_FILES.test(`/${file}`)) scripts.set(`/${file}`, await readFile(`${assets}/${file}`, 'utf8'));
  }
  const files: Files = (path) => {
    const script = scripts.get(path);
    if (script !== undefined) return { type: 'text/javascript', content: script };
    const count = /^\/data-set\/(\d+)$/.exec(path)?.[1];
    if (count !== undefined)
      return { type: 'application/json', content: JSON.stringify(makeDataSet(Number(count))) };
    const name = /^\/page\/(\w+)$/.exec(path)?.[1];
    return name === undefined
      ? undefined
      : { type: 'text/html', content: writePage(name, collector.origin()) };
  };
  const collector = new WireCollector(files);
  await collector.start();
  const browser = await openChromium();

  async function visit(variant: Variant, site: string, query = ''): Promise<Page> {
    const page = await browser.context.newPage();
    page.on('pageerror', (error) => {
      process.stderr.write(`the page of ${variant} reported: ${error.message}\n`);
      process.exitCode = 1;
    });
    await page.goto(`${collector.origin(site)}/page/${variant}${query}`);
    return page;
  }

  return {
    collector,
    visit,
    async open(variant, site) {
      const page = await visit(variant, site);
      if (OURS.includes(variant)) await waitUntilReady(page, variant === 'worker' ? 'active' : 'none');
      // Past what a page does once it has loaded.
      await delay(1_000);
      return page;
    },
    worker(site) {
      const workers = browser.context.serviceWorkers();
      const found = workers.find((worker) => worker.url().startsWith(`${collector.origin(site)}/`));
      if (!found) throw new Error(`${site} has no service worker`);
      return found;
    },
    async close() {
      await browser.close();
      await collector.stop();
    },
  };
}

/** Seconds that the page's main thread has been on a CPU, by the operating system's count. */
export async function mainThreadMs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  const seconds = metrics.find(({ name }) => name === 'ThreadTime')?.value;
  if (seconds === undefined) throw new Error('this Chromium does not tell ThreadTime');
  return seconds * 1_000;
}

/** Not by `waitForFunction`, which takes the promise of an asynchronous function for its answer. */
async function waitUntilReady(page: Page, worker: Status['worker']): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const status = await page.evaluate(() => window.bench.waybill().status());
    if (status.storage === 'indexeddb' && status.worker === worker) return;
    await delay(100);
  }
  throw new Error(`the page has no ${worker} worker after 20 s`);
}

async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['scripts/bench/client/bench-page.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}

function writePage(name: string, origin: string): string {
  const isOurs = name === 'worker' || name === 'page';
  const isPeer = name === 'amplitude' || name === 'snowplow';
  const identity = `data-customer="${CUSTOMER}" data-product="${PRODUCT}" data-version="${VERSION}"`;
  const worker = name === 'worker' ? 'data-worker="/waybill-sw.js"' : '';
  return `<!doctype html>
<html data-variant="${isPeer ? 'peer' : name}" data-endpoint="${origin}/events" ${identity}>
<title>${name}</title>
${isOurs ? `<script src="${origin}/waybill.js" ${identity} ${worker}></script>` : ''}
${isPeer ? `<script src="${origin}/${name}.js"></script>` : ''}
<script src="/bench.js"></script>
`;
}
