import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { StoreTotals } from '../../server/store/event-store.ts';
import type { CompactionOptions } from '../../server/store/segments/compaction/compactor.ts';
import { runCompaction } from '../../server/store/segments/compaction/run-compaction.ts';
import { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { aBatch, anEvent, FILTER, readAll, type ABatch } from './events.ts';
import { tempFolder } from './temp-folder.ts';

const WRITER = { segmentBytes: 3_000, maxWaitingBytes: 1 << 26, maxGroupBytes: 1 << 23 };

/** Seals and merges in this process; what fails is not tried again. */
export const IN_PROCESS: CompactionOptions = {
  run: runCompaction,
  onFailure: (error) => process.stderr.write(`compaction failed: ${String(error)}\n`),
  retryMs: [1 << 30, 1 << 30],
  now: () => 0,
};

export interface FullStore {
  readonly batches: readonly ABatch[];
  /** A batch that was split, so that it may never be stored. */
  readonly split: string;
  readonly totals: StoreTotals;
}

/** A store with small log segments. */
export function openSmall(folder: string, compaction?: CompactionOptions): Promise<SegmentEventStore> {
  return SegmentEventStore.open(folder, 0, WRITER, compaction);
}

/** Fills a new store with all kinds of batches, over several log segments that are not sealed. */
export async function fillStore(folder: string, count: number): Promise<FullStore> {
  const store = await openSmall(folder);
  const split = randomUUID();
  const batches = Array.from({ length: count }, (_, number) => batchOf(number, split));
  for (const { identity, contents } of batches) await store.append(identity, () => contents);
  const totals = await store.totals();
  await store.close();
  return { batches, split, totals };
}

/** A closed store, all of it sealed but an empty segment. */
export async function sealedStore(): Promise<{ readonly folder: string; readonly full: FullStore }> {
  const folder = await tempFolder();
  const full = await fillStore(folder, 10);
  const store = await openSmall(folder, IN_PROCESS);
  await store.roll();
  await store.compacted();
  await store.close();
  return { folder, full };
}

function batchOf(number: number, split: string): ABatch {
  const events = [0, 1, 2].map((index) =>
    anEvent({
      // Three days, not in order.
      timestamp: 1_700_000_000_000 + ((number * 7 + index) % 3) * 86_400_000 + number,
      customer: index === 2 ? 'TGAM' : 'BARCHART',
      context: [`user "${number}"`, null, 'a]},{'],
      ...(index === 1 && { version: '1.2' }),
    }),
  );
  const rejected = [
    { sequence: 1, code: 'EVENT_TOO_LARGE', path: '', event: { customer: 'BARCHART' } },
  ] as const;
  const ledger = { dropped: number, expired: 1, rejected: 0, unconfirmed: 0 };
  return aBatch(events, {
    identity: number === 5 || number === 20 ? { parents: [split], offset: number } : {},
    contents: number % 4 === 0 ? { rejected, ledger } : {},
  });
}

/** Fails unless the store has each event of these customers once, knows each batch, and adds up what it should. */
export async function expectFull(
  store: SegmentEventStore,
  full: FullStore,
  customers: readonly string[] = ['BARCHART', 'TGAM'],
): Promise<void> {
  for (const customer of customers) {
    const found = await readAll(store, { ...FILTER, customer });
    const names = found.map(({ batch, sequence }) => `${batch} ${sequence}`);
    expect(names.toSorted()).toEqual(namesOf(full, customer).toSorted());
  }
  for (const { identity, contents } of full.batches) {
    const rejected = contents.rejected.map(({ sequence, code, path }) => ({ sequence, code, path }));
    const again = await store.append(identity, neverNew);
    expect(again).toEqual({ kind: 'stored', isNew: false, rejected });
    const other = { ...identity, fingerprint: `1:${'0'.repeat(32)}` };
    expect(await store.append(other, neverNew)).toEqual({ kind: 'conflict' });
  }
  const whole = aBatch([anEvent()], { identity: { batch: full.split } });
  expect(await store.append(whole.identity, neverNew)).toEqual({ kind: 'split' });
  expect(await store.totals()).toEqual(full.totals);
  expect(store.health()).toEqual({ isWritable: true, damage: [] });
}

/** The events of a customer, by batch and sequence. */
function namesOf({ batches }: FullStore, customer: string): readonly string[] {
  return batches.flatMap(({ identity }) =>
    identity.events.flatMap((event, sequence) =>
      event?.customer === customer ? [`${identity.batch} ${sequence}`] : [],
    ),
  );
}

function neverNew(): never {
  throw new Error('a known batch is not composed again');
}
