import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { aBatch, anEvent, FILTER, readAll } from '../../../support/events.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const FIXTURE = path.resolve('test/fixtures/formats/v1/store');
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

async function openFixture(): Promise<{ store: SegmentEventStore; folder: string }> {
  const folder = path.join(await tempFolder(), 'store');
  await cp(FIXTURE, folder, { recursive: true });
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
