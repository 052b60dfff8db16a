import type { Logger } from 'pino';
import type { EventStore } from './store/event-store.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/**
 * The time below which events are no longer kept: whole UTC days go.
 *
 * @param days - Days that are kept besides today; undefined keeps all.
 */
export function expiryOf(nowMs: number, days: number | undefined): number {
  return days === undefined ? 0 : (Math.floor(nowMs / DAY_MS) - days) * DAY_MS;
}

export interface Retention {
  close(): void;
}

/** Lets events expire, now and every hour; what fails is logged and tried again by the next. */
export function startRetention(
  store: EventStore,
  days: number | undefined,
  now: () => number,
  logger: Logger,
): Retention {
  if (days === undefined) return { close: () => undefined };
  const expire = (): void => {
    store
      .expire(Math.max(0, expiryOf(now(), days)))
      .catch((error: unknown) => logger.error({ err: error }, 'events could not be let expire'));
  };
  expire();
  const timer = setInterval(expire, HOUR_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
