import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { aBatch, anEvent, FILTER, readAll } from '../../../support/events.ts';
import { IN_PROCESS, openSmall } from '../../../support/full-store.ts';
import { readEvents } from '../../../support/read-rows.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const RECEIVED = 1_700_000_000_500;
const DAY = 86_400_000;
const IN_1970 = 3 * DAY;
const IN_2001 = Date.UTC(2001, 0, 1);
const IN_1985 = Date.UTC(1985, 0, 1);

/** Nine sealed segments of one event each with clocks that are wrong in two ways, of which eight are merged. */
async function strayStore(): Promise<SegmentEventStore> {
  const store = await openSmall(await tempFolder(), IN_PROCESS);
  onTestFinished(() => store.close());
  for (let segment = 0; segment < 9; segment++) {
    const events = [IN_1970, IN_2001, RECEIVED].map((timestamp) => anEvent({ timestamp }));
    const { identity, contents } = aBatch(events);
    await store.append(identity, () => contents);
    await store.roll();
    await store.compacted();
  }
  return store;
}

/** Files that a report of the events of a day wants, when there are none. */
async function missedBy(store: SegmentEventStore, start: number): Promise<readonly string[]> {
  const snapshot = store.snapshot();
  onTestFinished(() => store.release(snapshot));
  for (const { files } of snapshot.sealed) await rm(files.data, { force: true });
  const { events, damage } = await readEvents(snapshot, { ...FILTER, start, end: start + DAY - 1 });
  expect(events).toEqual([]);
  return damage.map(({ path }) => path);
}

describe('events of clocks that are wrong', () => {
  it('are found', async () => {
    const store = await strayStore();

    expect(await readAll(store, { ...FILTER, start: IN_1970, end: IN_1970 })).toHaveLength(9);
    expect(await readAll(store, { ...FILTER, start: IN_2001, end: IN_2001 })).toHaveLength(9);
    expect(await readAll(store, { ...FILTER, start: RECEIVED, end: RECEIVED })).toHaveLength(9);
  });

  it('do not have their segments opened for all the time between', async () => {
    const store = await strayStore();

    expect(await missedBy(store, IN_1985)).toEqual([]);
    expect(await missedBy(store, IN_2001)).toHaveLength(2);
  });

  it('also where the segment has been looked at by an erasure that found nothing', async () => {
    const store = await strayStore();
    await store.erase({ customer: 'TGAM' }, 7);
    await store.compacted();

    expect(await missedBy(store, IN_1985)).toEqual([]);
    expect(await missedBy(store, IN_1970)).toHaveLength(2);
  });
});
