import type { Lab } from '../lab.ts';
import type { Scenario } from '../scenario.ts';
import { BOTH } from './both.ts';

const DAY_MS = 86_400_000;

/** A page whose plans were made by the old clock looks again within a minute. */
const HEARTBEAT_LIMIT_MS = 75_000;
const LIMITS = { limitMs: 180_000, restLimitMs: HEARTBEAT_LIMIT_MS };

/** Sets the clock while events wait for the next attempt, and lets one more attempt fail by the new clock. */
async function setClockWith(lab: Lab, offsetMs: number): Promise<void> {
  lab.collector.reply = () => ({ status: 503 });
  const page = await lab.open();
  await page.track('before-', 100, { perTask: 10 });
  await lab.until('a failed attempt', () => lab.collector.arrivals.length > 0);
  lab.site.clockOffsetMs = offsetMs;
  await page.setClock(offsetMs);
  await page.track('after-', 100, { perTask: 10 });
  const count = lab.collector.arrivals.length;
  await lab.until(
    'an attempt by the new clock',
    () => lab.collector.arrivals.length > count,
    HEARTBEAT_LIMIT_MS,
  );
  lab.collector.reply = () => 'receipt';
}

/** Clocks that are set while events are queued. */
export const CLOCKS: readonly Scenario[] = [
  {
    name: 'clock-forward',
    title: 'the clock is set forward by 40 days, over the age at which events expire',
    variants: BOTH,
    ...LIMITS,
    run: (lab) => setClockWith(lab, 40 * DAY_MS),
  },
  {
    name: 'clock-back',
    title: 'the clock is set back by 3 days',
    variants: BOTH,
    ...LIMITS,
    run: (lab) => setClockWith(lab, -3 * DAY_MS),
  },
];
