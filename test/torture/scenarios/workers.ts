import type { Lab } from '../lab.ts';
import type { LabPage } from '../page.ts';
import type { Scenario } from '../scenario.ts';
import { WORKER_ONLY } from './both.ts';

/** Does something to the worker while it waits for the second of several answers, and once more later. */
async function disturb(lab: Lab, how: (page: LabPage) => Promise<unknown>): Promise<void> {
  const page = await lab.open();
  await page.track('first-', 1);
  await lab.untilArrived();
  await lab.collector.stop();
  await page.track('queued-', 5_000, { perTask: 500 });
  lab.collector.reply = () => ({ afterMs: 800 });
  await lab.collector.start();
  await lab.until('the second request', () => lab.collector.arrivals.length >= 3);
  await how(page);
  await page.track('after-', 50, { perTask: 10 });
}

/** A page waits for 45 seconds for the end of a run that a worker may have taken along. */
const LIMITS = { limitMs: 180_000, restLimitMs: 100_000 };

/** What happens to the worker in the middle of a flush. */
export const WORKERS: readonly Scenario[] = [
  {
    name: 'worker-updated',
    title: 'a new worker takes over in the middle of a flush',
    variants: WORKER_ONLY,
    ...LIMITS,
    run: (lab) =>
      disturb(lab, async (page) => {
        lab.site.workerVersion++;
        await page.updateWorker();
      }),
  },
  {
    name: 'worker-stopped',
    title: 'the browser ends the worker in the middle of a flush',
    variants: WORKER_ONLY,
    ...LIMITS,
    needs: ['stopWorkers'],
    run: (lab) => disturb(lab, async () => lab.browser.stopWorkers?.()),
  },
  {
    name: 'worker-unregistered',
    title: 'the worker is unregistered in the middle of a flush',
    variants: WORKER_ONLY,
    ...LIMITS,
    run: (lab) => disturb(lab, (page) => page.unregister()),
  },
];
