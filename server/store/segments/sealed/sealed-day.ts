const DAY_MS = 86_400_000;
const MAX_DAYS_BEFORE = 40;
const MAX_DAYS_AFTER = 2;

/** In the place of a day: the cluster of a product's events that are far from the day they came on. */
export const STRAY = Infinity;

/** The UTC day of a time, in days since the Unix epoch. */
export function utcDay(timestamp: number): number {
  return Math.floor(timestamp / DAY_MS);
}

/**
 * The day of the cluster that an event belongs to, or `STRAY`.
 *
 * A device whose clock is wrong may send any day; without a bound each of them were a cluster.
 *
 * @param receivedDay - The UTC day on which the event's batch was received.
 */
export function clusterDay(timestamp: number, receivedDay: number): number {
  const day = utcDay(timestamp);
  return day < receivedDay - MAX_DAYS_BEFORE || day > receivedDay + MAX_DAYS_AFTER ? STRAY : day;
}

/** A day as files have it, e.g. `2026-11-01`; null for `STRAY`. */
export function dayText(day: number): string | null {
  if (day === STRAY) return null;
  const text = new Date(day * DAY_MS).toISOString();
  return text.slice(0, text.indexOf('T'));
}

/** The opposite of `dayText`. */
export function parseDay(text: string | null): number {
  return text === null ? STRAY : Date.parse(text) / DAY_MS;
}
