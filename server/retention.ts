import type { Logger } from 'pino';
import { expiryOf } from './expiry.ts';
import type { EventStore } from './store/event-store.ts';

const HOUR_MS = 3_600_000;

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
      .expire(expiryOf(now(), days))
      .catch((error: unknown) => logger.error({ err: error }, 'events could not be let expire'));
  };
  expire();
  const timer = setInterval(expire, HOUR_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
