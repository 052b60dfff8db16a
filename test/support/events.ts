import { randomUUID } from 'node:crypto';
import type { UsageEvent } from '../../shared/event.ts';
import type { ReportFilter } from '../../shared/report.ts';
import { batchFingerprint } from '../../server/ingest/fingerprint.ts';
import type { BatchContents, BatchIdentity, EventStore } from '../../server/store/event-store.ts';
import type { StoredEvent } from './read-rows.ts';
import { readEvents } from './read-rows.ts';

export const FILTER: ReportFilter = { customer: 'BARCHART', product: 'PORTFOLIO' };

/** A good event of the bundled catalog. */
export function anEvent(changes: Partial<UsageEvent> = {}): UsageEvent {
  return {
    customer: 'BARCHART',
    product: 'PORTFOLIO',
    type: 'PORTFOLIO-ACCESSED',
    timestamp: 1_700_000_000_000,
    context: ['user-1', 'portfolio-1'],
    ...changes,
  };
}

export interface ABatch {
  readonly identity: BatchIdentity;
  readonly contents: BatchContents;
}

/** A batch of good events, ready for a store. */
export function aBatch(
  events: readonly UsageEvent[] = [anEvent()],
  changes: { readonly identity?: Partial<BatchIdentity>; readonly contents?: Partial<BatchContents> } = {},
): ABatch {
  const sent: (UsageEvent | undefined)[] = [...events];
  for (const { sequence } of changes.contents?.rejected ?? []) sent.splice(sequence, 0, undefined);
  return {
    identity: {
      batch: randomUUID(),
      parents: [],
      offset: 0,
      fingerprint: batchFingerprint(sent),
      events: sent,
      ...changes.identity,
    },
    contents: {
      received: 1_700_000_000_500,
      skew: null,
      ledger: null,
      events: Buffer.from(events.map((event) => JSON.stringify(event)).join(',')),
      rejected: [],
      ...changes.contents,
    },
  };
}

/** All events that a report would get, in order; there must be no damage. */
export async function readAll(
  store: EventStore,
  filter: ReportFilter = FILTER,
): Promise<readonly StoredEvent[]> {
  const snapshot = store.snapshot();
  const { events, damage } = await readEvents(snapshot, filter);
  store.release(snapshot);
  if (damage.length > 0) throw new Error(`there is damage: ${JSON.stringify(damage)}`);
  return events;
}
