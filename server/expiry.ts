const DAY_MS = 86_400_000;

/**
 * The time below which events are no longer kept: whole UTC days go.
 *
 * @param days - Days that are kept besides today; undefined keeps all.
 */
export function expiryOf(nowMs: number, days: number | undefined): number {
  return days === undefined ? 0 : Math.max(0, (Math.floor(nowMs / DAY_MS) - days) * DAY_MS);
}
