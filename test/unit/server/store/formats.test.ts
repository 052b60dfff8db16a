import { cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { batchFingerprint } from '../../../../server/ingest/fingerprint.ts';
import { verifyStore } from '../../../../server/store/open-store.ts';
import { verifySealed } from '../../../../server/store/segments/sealed/verify-sealed.ts';
import { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import type { UsageEvent } from '../../../../shared/event.ts';
import { aBatch, anEvent, FILTER, readAll } from '../../../support/events.ts';
import { pairIn } from '../../../support/sealed-files.ts';
import { readPair } from '../../../support/read-rows.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const FIXTURES = path.resolve('test/fixtures/formats/v1');
const FIXTURE = path.join(FIXTURES, 'store');
const SEALED = path.join(FIXTURES, 'sealed-store');
/** A sealed segment of two batches: `seal` with `maxClusters: 1`, so that all but the first event are mixed. */
const MIXED = path.join(FIXTURES, 'mixed');
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

async function openFixture(fixture = FIXTURE): Promise<{ store: SegmentEventStore; folder: string }> {
  const folder = path.join(await tempFolder(), 'store');
  await cp(fixture, folder, { recursive: true });
  const store = await SegmentEventStore.open(folder, 0);
  onTestFinished(() => store.close());
  return { store, folder };
}

describe('a store that version 1 wrote', () => {
  it('is read to the same events for ever', async () => {
    const { store } = await openFixture();

    expect(store.health()).toEqual({ isWritable: true, damage: [] });
    expect(await store.totals()).toEqual({
      ledger: { dropped: 1, expired: 2, rejected: 3, unconfirmed: 4 },
      rejected: 2,
    });
    expect(await readAll(store)).toEqual([
      { ...anEvent({ timestamp: 1 }), batch: id(1), sequence: 0, position: 1 },
      { ...anEvent({ timestamp: 2, version: '1.2.3' }), batch: id(1), sequence: 1, position: 1 },
      { ...anEvent({ timestamp: 3, version: null, context: [] }), batch: id(1), sequence: 2, position: 1 },
      {
        ...anEvent({ timestamp: 4, context: ['pi|pe', 'quo"te', 'new\nline', '😀\u2028', null, ''] }),
        batch: id(2),
        sequence: 0,
        position: 2,
      },
      { ...anEvent({ timestamp: 5 }), batch: id(3), sequence: 0, position: 3 },
      { ...anEvent({ timestamp: 6 }), batch: id(4), sequence: 0, position: 4 },
      { ...anEvent({ timestamp: 7 }), batch: id(4), sequence: 2, position: 4 },
      { ...anEvent({ timestamp: 9 }), batch: id(7), sequence: 0, position: 7 },
      { ...anEvent({ timestamp: 10 }), batch: id(8), sequence: 0, position: 9 },
    ]);
    expect(await readAll(store, { ...FILTER, customer: 'TGAM' })).toHaveLength(1);
  });

  it('still knows every batch: stored, half stored, rejected', async () => {
    const { store } = await openFixture();
    const events = [anEvent({ timestamp: 9 })];

    const again = aBatch(events, { identity: { batch: id(7) } });
    const split = aBatch(events, { identity: { batch: id(91) } });

    expect(await store.append(again.identity, () => again.contents)).toMatchObject({
      kind: 'stored',
      isNew: false,
    });
    expect(await store.append(split.identity, () => split.contents)).toEqual({ kind: 'split' });
  });

  it('is opened without a byte of it being changed', async () => {
    const { folder } = await openFixture();
    for (const name of ['manifest.jsonl', 'segments/00000001.jsonl', 'segments/00000002.jsonl']) {
      expect(await readFile(path.join(folder, name))).toEqual(await readFile(path.join(FIXTURE, name)));
    }
  });
});

describe('a sealed store that version 1 wrote', () => {
  const now = 20_000 * 86_400_000;
  const stored = (batch: number, sequence: number, timestamp: number, more: object = {}) => ({
    ...anEvent({ timestamp }),
    batch: id(batch),
    sequence,
    position: batch,
    ...more,
  });
  const odd = { context: ['pi|pe', 'quo"te', 'new\nline', '😀\u2028', null, '', 'a]},{'] };

  it('is read to the same events for ever', async () => {
    const { store } = await openFixture(SEALED);

    expect(store.health()).toEqual({ isWritable: true, damage: [] });
    expect(await store.totals()).toEqual({
      ledger: { dropped: 1, expired: 2, rejected: 3, unconfirmed: 4 },
      rejected: 2,
    });
    expect(await readAll(store)).toEqual([
      // One far from the day on which it came; batch 7 was erased, and the event of time 3 has expired.
      stored(3, 1, 7),
      stored(3, 0, now - 86_400_000),
      stored(1, 1, now + 1, { version: '1.2.3' }),
      stored(1, 2, now + 2, { version: null, context: [] }),
      stored(1, 0, now + 3),
      stored(2, 0, now + 4, odd),
      stored(4, 0, now + 6),
      stored(4, 2, now + 7),
      stored(6, 0, now + 9),
      stored(8, 0, now + 11),
      stored(10, 0, now + 12, { type: 'OTHER' }),
      stored(11, 0, now + 13),
      stored(12, 0, now + 14),
    ]);
    expect(await readAll(store, { ...FILTER, customer: 'TGAM' })).toHaveLength(1);
    expect(store.expiredBefore()).toBe(5);
    expect(store.erasures()).toEqual([
      { number: 1, customer: 'BARCHART', askedMs: now + 4, doneMs: now + 5, events: 1 },
    ]);
  });

  it('still knows every batch: stored, half stored, refused, erased', async () => {
    const { store } = await openFixture(SEALED);
    const append = async (batch: number, events: readonly UsageEvent[]) => {
      const { identity, contents } = aBatch(events, { identity: { batch: id(batch) } });
      return store.append(identity, () => contents);
    };

    expect(await append(8, [anEvent({ timestamp: now + 11 })])).toMatchObject({ isNew: false });
    expect(await append(7, [anEvent({ timestamp: now + 10, context: ['erased'] })])).toMatchObject({
      isNew: false,
    });
    expect(await append(12, [anEvent({ timestamp: now + 14 })])).toMatchObject({ isNew: false });
    expect(await append(8, [anEvent({ timestamp: 1 })])).toEqual({ kind: 'conflict' });
    expect(await append(91, [anEvent()])).toEqual({ kind: 'split' });
    const refused = aBatch([], {
      identity: { batch: id(9), fingerprint: batchFingerprint([undefined]) },
    });
    expect(await store.append(refused.identity, () => refused.contents)).toEqual({
      kind: 'stored',
      isNew: false,
      rejected: [{ sequence: 0, code: 'REQUEST_PARAMETER_MISSING', path: 'type' }],
    });
  });

  it('is opened without a byte of it being changed, and is whole', async () => {
    const { folder } = await openFixture(SEALED);
    const names = (await readdir(SEALED, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
    for (const name of names)
      expect(await readFile(path.join(folder, name))).toEqual(await readFile(path.join(SEALED, name)));
    expect(names.length).toBeGreaterThan(6);
    for await (const { damage } of verifyStore(`file:${folder}`)) expect(damage).toEqual([]);
  });
});

describe('a sealed segment with a mixed cluster that version 1 wrote', () => {
  const now = Date.UTC(2026, 10, 1, 12);
  const pair = pairIn(MIXED, '00000001');
  const odd = { customer: 'A","product":"B', product: '\\ü\n' };
  const stored = (batch: number, sequence: number, event: UsageEvent) => ({
    ...event,
    batch: id(batch),
    sequence,
    position: batch,
  });
  const read = async (codes: Pick<UsageEvent, 'customer' | 'product'>) => {
    const { customer, product } = codes;
    const { events, damage } = await readPair(pair, { customer, product });
    expect(damage).toEqual([]);
    return events;
  };

  it('is read to the same events for ever', async () => {
    expect(await read(FILTER)).toEqual([
      // In the mixed cluster: far from the day on which it came, and of another day.
      stored(1, 2, anEvent({ timestamp: 5, version: null })),
      stored(1, 0, anEvent({ timestamp: now })),
      stored(2, 0, anEvent({ timestamp: now + 86_400_000 })),
    ]);
    expect(await read({ ...FILTER, customer: 'TGAM' })).toEqual([
      stored(1, 1, anEvent({ customer: 'TGAM', timestamp: now + 1, version: '1.2' })),
    ]);
    expect(await read(odd)).toEqual([stored(2, 1, anEvent({ ...odd, timestamp: now + 2, context: [] }))]);
    expect(await read({ customer: 'A', product: 'B' })).toEqual([]);
    expect(await verifySealed(pair)).toEqual([]);
  });
});
