import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isRecord } from '../../shared/text.ts';
import { openChromium } from '../../scripts/open-chromium.ts';
import { parseCsv } from '../support/parse-csv.ts';
import { downloadReport } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const NASTY = ['pi|pe', 'quo"te', 'new\nline\r\n', '😀 ü', '=1+1', "'", '', null, '\\'];
const PER_TAB = 100;

/** Opens the demo page and waits until its service worker delivers for it. */
async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await waitForStatus(page, (status) => status['worker'] === 'active');
  return page;
}

async function waitForStatus(
  page: Page,
  isReached: (status: Readonly<Record<string, unknown>>) => boolean,
): Promise<void> {
  await expect
    .poll(
      async () => {
        const status: unknown = await page.evaluate('window.waybill.status()');
        return isRecord(status) && isReached(status);
      },
      { timeout: 30_000, interval: 50 },
    )
    .toBe(true);
}

/** Tracks events with these contexts, each in a task of its own, and waits until all are durable. */
async function track(page: Page, contexts: readonly (readonly (string | null)[])[]): Promise<void> {
  const outcomes: unknown = await page.evaluate(`(async () => {
    const stored = [];
    for (const context of ${JSON.stringify(contexts)}) {
      stored.push(window.waybill.track('PORTFOLIO-TRANSACTION-CREATED', context).stored);
      if (stored.length % 10 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    return (await Promise.all(stored)).map((outcome) => outcome.status + ' ' + outcome.storage);
  })()`);
  expect(outcomes).toEqual(contexts.map(() => 'stored indexeddb'));
}

describe('the whole road', () => {
  it('brings every event into the report once, through an offline spell and closed tabs', async () => {
    const dataFolder = await tempFolder();
    const server = await startServerProcess({ dataFolder });
    const { context, close } = await openChromium();
    onTestFinished(close);
    const online = NASTY.map((value, index) => [`online-${index}`, value, 'p', 'AAPL']);
    const tabs = ['first', 'second'].map((tab) =>
      Array.from({ length: PER_TAB }, (_, index) => [`${tab}-${index}`, NASTY[index % NASTY.length] ?? null]),
    );

    const pages = [await openPage(context, server.url), await openPage(context, server.url)];
    const [page] = pages;
    if (page === undefined) throw new Error('two pages are open');
    await track(page, online);
    await waitForStatus(page, (status) => status['events'] === 0);

    expect(await server.stop('SIGKILL')).toBeNull();
    await Promise.all(pages.map((tab, index) => track(tab, tabs[index] ?? [])));
    await waitForStatus(page, (status) => status['events'] === 2 * PER_TAB);
    await Promise.all(pages.map((tab) => tab.close()));

    const restarted = await startServerProcess({ dataFolder, port: server.port });
    const reopened = await openPage(context, restarted.url);
    await waitForStatus(reopened, (status) => status['events'] === 0);

    const filter = { customer: 'BARCHART', product: 'PORTFOLIO' };
    const [header, ...rows] = parseCsv(
      await downloadReport(restarted.url, { filter, output: { guard: false } }),
    );
    expect(header?.slice(0, 6)).toEqual([
      'timestamp',
      'type',
      'userId',
      'portfolioId',
      'positionId',
      'symbol',
    ]);
    expect(header).toHaveLength(12);
    const values = rows.map((row) => row.slice(2, 6));
    const expected = [...online, ...tabs.flat()].map((row) => [...row, null, null].slice(0, 4));
    expect(values.toSorted(byFirst)).toEqual(expected.toSorted(byFirst));
    expect(rows.every(([, type]) => type === 'PORTFOLIO-TRANSACTION-CREATED')).toBe(true);
    expect(await reopened.evaluate('window.waybill.status().then(({ ledger }) => ledger)')).toEqual({
      dropped: 0,
      expired: 0,
      rejected: 0,
      unconfirmed: 0,
    });
  });
});

function byFirst(a: readonly (string | null)[], b: readonly (string | null)[]): number {
  return (a[0] ?? '').localeCompare(b[0] ?? '');
}
