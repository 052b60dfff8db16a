import type { Logger } from 'pino';
import { expiryOf } from './expiry.ts';
import type { EventStore } from './store/event-store.ts';

const HOUR_MS = 3_600_000;
const HOURS_OF_DOUBT = 24;
/** A server may have been off for some time, or nobody has sent anything. */
const MAX_AHEAD_MS = 60 * 24 * HOUR_MS;

export interface Retention {
  close(): void;
}

/**
 * Lets events expire, now and every hour; what fails is logged and tried again by the next.
 *
 * A clock that is far ahead of the newest batch may be wrong, and what has expired never comes back: it is
 * believed when the server has run for a day with it.
 */
export function startRetention(
  store: EventStore,
  days: number | undefined,
  now: () => number,
  logger: Logger,
): Retention {
  if (days === undefined) return { close: () => undefined };
  // What the clock is held against: the newest events at the start, then itself.
  let believedMs = store.newestMs();
  let hours = 0;
  const expire = async (): Promise<void> => {
    const aheadMs = now() - believedMs;
    if (store.position() > 0 && aheadMs > MAX_AHEAD_MS && hours < HOURS_OF_DOUBT) {
      hours++;
      logger.error({ aheadMs }, 'the clock is far ahead of the newest events: none expires before tomorrow');
      return;
    }
    believedMs = now();
    hours = 0;
    try {
      await store.expire(expiryOf(now(), days));
    } catch (error) {
      logger.error({ err: error }, 'events could not be let expire');
    }
  };
  void expire();
  const timer = setInterval(() => void expire(), HOUR_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
