import type { Logger } from 'pino';
import type { ClockMemory } from './clock-memory.ts';
import { expiryOf } from './expiry.ts';
import type { EventStore } from './store/event-store.ts';

const HOUR_MS = 3_600_000;
const HOURS_OF_DOUBT = 24;
/** A server may have been off for some time, or nobody has sent anything. */
const MAX_OFF_MS = 60 * 24 * HOUR_MS;

export interface RetentionOptions {
  /** Days that events are kept besides today; undefined is for ever. */
  readonly days: number | undefined;
  readonly now: () => number;
  readonly clock: ClockMemory;
  readonly logger: Logger;
}

export interface Retention {
  /**
   * The time below which an event that comes now is refused, as it would be let expire at once. By a clock that is
   * doubted none is: a refused event does not come back either.
   *
   * @param nowMs - What the clock says, in milliseconds since the Unix epoch.
   */
  expiryAt(nowMs: number): number;
  /** Resolves when nothing is under way any more. */
  close(): Promise<void>;
}

/**
 * Lets events expire, now and every hour; what fails is logged and tried again by the next.
 *
 * A clock that is far ahead of what it said when it was believed last may be wrong, and what has expired never
 * comes back: it is believed when the server has run for 24 hours with it, restarts or not. So is one that is far
 * behind, since against what it says the right one would be far ahead. Where nobody knows what it said last, the
 * newest batch tells; later not, since batches that came by a wrong clock have its time.
 */
export function startRetention(store: EventStore, { days, now, clock, logger }: RetentionOptions): Retention {
  if (days === undefined) return { expiryAt: () => 0, close: () => Promise.resolve() };
  let { doubtHours } = clock.state;
  let believedMs = clock.state.believedMs ?? store.newestMs();
  const keep = async (): Promise<void> => {
    try {
      await clock.keep({ believedMs, doubtHours });
    } catch (error) {
      logger.error({ err: error }, 'what is known of the clock could not be kept');
    }
  };
  const isDoubted = (nowMs: number): boolean =>
    store.position() > 0 && Math.abs(nowMs - believedMs) > MAX_OFF_MS && doubtHours < HOURS_OF_DOUBT;
  const expire = async (): Promise<void> => {
    const nowMs = now();
    if (isDoubted(nowMs)) {
      logger.error(
        { aheadMs: nowMs - believedMs },
        'the clock is far from what it was: none expires before it runs for a day',
      );
      await keep();
      return;
    }
    believedMs = nowMs;
    doubtHours = 0;
    await keep();
    // Nothing can be let expire, and a clock that is set only after the first start would refuse all for years.
    if (store.position() === 0) return;
    try {
      await store.expire(expiryOf(nowMs, days));
    } catch (error) {
      logger.error({ err: error }, 'events could not be let expire');
    }
  };
  let last = expire();
  const timer = setInterval(() => {
    doubtHours++;
    last = last.then(expire);
  }, HOUR_MS);
  timer.unref();
  return {
    expiryAt: (nowMs) => (isDoubted(nowMs) ? 0 : expiryOf(nowMs, days)),
    close: () => {
      clearInterval(timer);
      return last;
    },
  };
}
