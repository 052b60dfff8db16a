import type { RecordingCollector, Reply } from '../../support/client-collector.ts';
import type { Lab } from '../lab.ts';
import type { Scenario } from '../scenario.ts';
import { BOTH, PAGE_ONLY } from './both.ts';

const UNAVAILABLE: Reply = { status: 503, body: 'try later' };
const PORTAL: Reply = {
  status: 200,
  headers: { 'Content-Type': 'text/html' },
  body: '<!doctype html><title>Log in</title>Please accept our terms.',
};

/** Answers the first so many requests like this, one after the other, and then as it should. */
function answerFirst(collector: RecordingCollector, replies: readonly Reply[]): void {
  let count = 0;
  collector.reply = () => replies[count++] ?? 'receipt';
}

/** Two tabs with events, a refusal with this `Retry-After`, and every hint that makes a tab try. */
async function refuse(
  lab: Lab,
  retryAfter: () => { readonly header: string; readonly untilMs: number },
): Promise<void> {
  const [left, right] = [await lab.open(), await lab.open()];
  let untilMs = 0;
  lab.collector.reply = () => {
    if (untilMs > 0) return 'receipt';
    const wait = retryAfter();
    ({ untilMs } = wait);
    return { status: 429, headers: { 'Retry-After': wait.header } };
  };
  await left.track('left-', 20);
  await lab.until('the refusal', () => untilMs > 0);
  while (Date.now() < untilMs - 500) {
    await Promise.all([left.flush(), right.flush()]);
    await right.track(`right${Date.now()}-`, 3);
    await lab.sleep(300);
  }
  await lab.untilArrived();
  const early = lab.collector.arrivals.slice(1).filter(({ atMs }) => atMs < untilMs);
  const first = early[0];
  lab.check(
    first === undefined,
    `${early.length} requests came up to ${untilMs - (first?.atMs ?? 0)} ms too early`,
  );
}

/** Servers, proxies and networks that answer otherwise than they should. */
export const ANSWERS: readonly Scenario[] = [
  {
    name: 'unavailable-20s',
    title: 'the server answers 503 for 20 seconds while a page goes on tracking: at most 8 requests',
    variants: BOTH,
    limitMs: 90_000,
    async run(lab) {
      const page = await lab.open();
      let endMs = Number.POSITIVE_INFINITY;
      lab.collector.reply = ({ atMs }) => {
        endMs = Math.min(endMs, atMs + 20_000);
        return atMs < endMs ? UNAVAILABLE : 'receipt';
      };
      await page.track('burst-', 300, { perTask: 100 });
      await page.track('steady-', 40, { perTask: 1, everyMs: 500 });
      await lab.untilArrived();
      const count = lab.collector.arrivals.filter(({ atMs }) => atMs < endMs).length;
      lab.check(count <= 8, `${count} requests in the 20 seconds, 8 are allowed`);
    },
  },
  {
    name: 'retry-after-seconds',
    title: '429 with Retry-After in seconds: no request before, from two tabs that are told to flush',
    variants: BOTH,
    run: (lab) => refuse(lab, () => ({ header: '4', untilMs: Date.now() + 4_000 })),
  },
  {
    name: 'retry-after-date',
    title: '429 with Retry-After as a date: no request before, from two tabs that are told to flush',
    variants: BOTH,
    run: (lab) =>
      refuse(lab, () => {
        // Such a date has no milliseconds.
        const untilMs = Math.floor((Date.now() + 8_000) / 1000) * 1000;
        return { header: new Date(untilMs).toUTCString(), untilMs };
      }),
  },
  {
    name: 'answers-cut',
    title: 'the first three answers are cut after the server has stored the batch',
    variants: BOTH,
    fast: PAGE_ONLY,
    async run(lab) {
      answerFirst(lab.collector, ['cut', 'cut', 'cut']);
      const page = await lab.open();
      await page.track('cut-', 500, { perTask: 50, receipts: true });
    },
  },
  {
    name: 'portal-page',
    title: 'a captive portal answers three requests with 200 and a page',
    variants: BOTH,
    async run(lab) {
      answerFirst(lab.collector, [PORTAL, PORTAL, PORTAL]);
      const page = await lab.open();
      await page.track('portal-', 100, { receipts: true });
    },
  },
  {
    name: 'portal-redirect',
    title:
      'a captive portal redirects three requests to its page: readable, unreadable, and with the POST repeated',
    variants: BOTH,
    async run(lab) {
      const readable = { Location: `${lab.collector.origin}/` };
      answerFirst(lab.collector, [
        { status: 302, headers: readable },
        { status: 302, headers: { Location: `${lab.site.origin}/` } },
        { status: 307, headers: readable },
      ]);
      const page = await lab.open();
      await page.track('portal-', 100, { receipts: true });
    },
  },
  {
    name: 'too-large',
    title: '413 for more than 60 events, of which one answer is cut',
    variants: BOTH,
    // Each split of a batch that has never been acknowledged doubles the wait.
    limitMs: 150_000,
    restLimitMs: 120_000,
    async run(lab) {
      let isCut = false;
      lab.collector.reply = ({ count }) => {
        if (count > 60) return { status: 413 };
        if (isCut) return 'receipt';
        isCut = true;
        return 'cut';
      };
      const page = await lab.open();
      await page.track('large-', 500, { receipts: true });
    },
  },
  {
    name: 'poison',
    title: 'the server refuses one event among 500: it is counted, the others arrive',
    variants: BOTH,
    async run(lab) {
      lab.collector.refuses = (name) => name === 'poison-250';
      const page = await lab.open();
      await page.track('poison-', 500, { receipts: true });
      await lab.until('the others to arrive', async () => (await lab.missing()).length <= 1);
      await lab.until('the loss to be counted', async () => (await page.status()).ledger.rejected === 1);
      lab.check(
        (await lab.missing()).join() === 'poison-250',
        'another event than the refused one is missing',
      );
    },
  },
];
