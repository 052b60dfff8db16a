import { createHash } from 'node:crypto';
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
  const rows = events.map((event) => (event === undefined ? 0 : identityFields(event)));
  const digest = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  return `${VERSION}:${digest.slice(0, DIGITS)}`;
}
