import type { Scenario } from '../scenario.ts';
import { BOTH, PAGE_ONLY, WORKER_ONLY } from './both.ts';

/** Tabs and browsers that go, in peace or not, and the network that goes. */
export const LEAVING: readonly Scenario[] = [
  {
    name: 'burst-then-closed',
    title: 'a burst of 200 events, and the tab is closed at once',
    variants: BOTH,
    fast: WORKER_ONLY,
    async run(lab) {
      const page = await lab.open();
      // Chromium ends a worker with the tab that has only just started it for the first time.
      await page.track('first-', 1);
      await lab.untilArrived();
      await page.track('burst-', 200);
      await page.close();
      // Without a worker it takes the next visit, which is when the lab asks what is left.
      if (lab.variant === 'worker') await lab.untilArrived();
    },
  },
  {
    name: 'offline-500',
    title: '500 events while the browser is offline, then back',
    variants: BOTH,
    needs: ['setOffline'],
    async run(lab) {
      const page = await lab.open();
      await page.track('online-', 10);
      await lab.untilArrived();
      const tracked = page.track('offline-', 500, { perTask: 10, whenOffline: true, receipts: true });
      await lab.browser.setOffline?.(true);
      await lab.sleep(5_000);
      await lab.browser.setOffline?.(false);
      lab.check(await tracked, 'the page was not offline all the time');
    },
  },
  {
    name: 'away-500',
    title: '500 events while the server is away, then back',
    variants: BOTH,
    fast: WORKER_ONLY,
    async run(lab) {
      const page = await lab.open();
      await lab.collector.stop();
      await page.track('away-', 500, { perTask: 10, receipts: true });
      // Long enough for attempts that fail.
      await lab.sleep(2_000);
      await lab.collector.start();
    },
  },
  {
    name: 'away-restarted',
    title: 'the server is away; 500 events, tab closed, browser closed and started again',
    variants: BOTH,
    async run(lab) {
      const page = await lab.open();
      await lab.collector.stop();
      await page.track('away-', 500, { perTask: 50 });
      await page.close();
      await lab.quit();
      await lab.launch();
      await lab.collector.start();
    },
  },
  {
    name: 'killed-after-stored',
    title: 'SIGKILL of the browser right after 100 events are stored',
    variants: BOTH,
    fast: PAGE_ONLY,
    async run(lab) {
      const page = await lab.open();
      await page.track('killed-', 100, { perTask: 5 });
      await lab.kill();
      await lab.launch();
    },
  },
  {
    name: 'killed-after-2s',
    title: '500 events; the server has stored them, and SIGKILL of the browser comes before the answer',
    variants: BOTH,
    async run(lab) {
      const page = await lab.open();
      lab.collector.reply = () => ({ afterMs: 1_500 });
      await page.track('killed-', 500, { perTask: 50 });
      await lab.sleep(2_000);
      await lab.kill();
      lab.collector.reply = () => 'receipt';
      await lab.launch();
    },
  },
  {
    name: 'killed-while-sending',
    title: '500 events, and SIGKILL of the browser during a request that the server never gets to the end of',
    variants: BOTH,
    async run(lab) {
      const page = await lab.open();
      lab.collector.reply = () => ({ cutAfterMs: 5_000 });
      await page.track('killed-', 500, { perTask: 50 });
      await lab.until('a request', () => lab.collector.arrivals.length > 0);
      await lab.kill();
      lab.collector.reply = () => 'receipt';
      await lab.launch();
    },
  },
  {
    name: 'killed-while-tracking',
    title: 'SIGKILL of the browser in the middle of tracking, five times',
    variants: BOTH,
    limitMs: 90_000,
    async run(lab) {
      for (let round = 0; round < 5; round++) {
        const page = await lab.open();
        lab.startTracking(page, `round${round}-`, 5_000, { perTask: 1 });
        await lab.sleep(300 + round * 250);
        await lab.kill();
      }
    },
  },
];
