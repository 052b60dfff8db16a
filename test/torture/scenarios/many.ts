import type { Scenario } from '../scenario.ts';
import { BOTH, WORKER_ONLY } from './both.ts';

/** Many at once, and much. */
export const MANY: readonly Scenario[] = [
  {
    name: 'two-tabs',
    title: 'two tabs, and the worker, track and flush at once while one answer in three is cut',
    variants: BOTH,
    fast: WORKER_ONLY,
    async run(lab) {
      let count = 0;
      lab.collector.reply = () => (++count % 3 === 0 ? 'cut' : { afterMs: 50 });
      const pages = [await lab.open(), await lab.open()];
      await Promise.all(
        pages.flatMap((page) => [
          page.track(`${page.agent}-`, 300, { perTask: 5, everyMs: 20, receipts: true }),
          (async () => {
            for (let flushes = 0; flushes < 8; flushes++) {
              await page.flush();
              await lab.sleep(150);
            }
          })(),
        ]),
      );
    },
  },
  {
    name: 'twenty-thousand',
    title: '20,000 events while the server is away, then back',
    variants: BOTH,
    limitMs: 120_000,
    async run(lab) {
      const page = await lab.open();
      await lab.collector.stop();
      await page.track('many-', 20_000, { perTask: 10 });
      await lab.collector.start();
    },
  },
];
