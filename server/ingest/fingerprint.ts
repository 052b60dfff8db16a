import { hash } from 'node:crypto';
import { identityFields, type UsageEvent } from '../../shared/event.ts';

const VERSION = 1;
const DIGITS = 32;

/**
 * Digest of a batch's events by their known fields: equal for a retry that differs in spacing,
 * unknown fields or anything beside its events.
 *
 * `1:` and the first 128 bits of SHA-256 over a JSON array with, for each event, the array
 * `[customer, product, type, timestamp, context, version ?? null]`, or 0 if its fields lack their types.
 */
export function batchFingerprint(events: readonly (UsageEvent | undefined)[]): string {
  return fingerprintOfRows(
    JSON.stringify(events.map((event) => (event === undefined ? 0 : identityFields(event)))),
  );
}

/** @param rows - The JSON array that `batchFingerprint` speaks of, as text or UTF-8. */
export function fingerprintOfRows(rows: string | Uint8Array): string {
  return `${VERSION}:${hash('sha256', rows, 'hex').slice(0, DIGITS)}`;
}
