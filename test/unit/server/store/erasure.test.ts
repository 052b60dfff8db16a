import { mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { boundedFields } from '../../../../server/ingest/bounded-fields.ts';
import type { CompactionOptions } from '../../../../server/store/segments/compaction/compactor.ts';
import { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { WRITER_DEFAULTS } from '../../../../server/store/segments/segment-writer.ts';
import { aBatch, anEvent, FILTER, readAll } from '../../../support/events.ts';
import { fillStore, IN_PROCESS, openSmall } from '../../../support/full-store.ts';
import { segmentPath, textOf } from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const PLACES = { PORTFOLIO: { 'PORTFOLIO-ACCESSED': 0 } };
const TGAM = { ...FILTER, customer: 'TGAM' };

async function open(folder: string, compaction?: CompactionOptions): Promise<SegmentEventStore> {
  const store = await openSmall(folder, compaction);
  onTestFinished(() => store.close());
  return store;
}

describe('erasing events', () => {
  it('hides them at once, before any file is rewritten, and after a restart', async () => {
    const folder = await tempFolder();
    await fillStore(folder, 10);
    const store = await open(folder);

    await store.erase({ customer: 'TGAM' }, 7);

    expect(await readAll(store, TGAM)).toEqual([]);
    expect(await readAll(store)).toHaveLength(20);
    expect(store.erasures()).toMatchObject([{ number: 1, customer: 'TGAM', askedMs: 7, doneMs: undefined }]);
    await store.close();
    expect(await readAll(await open(folder), TGAM)).toEqual([]);
  });

  it('removes them from every file, says how many there were, and knows their batches', async () => {
    const folder = await tempFolder();
    const { batches } = await fillStore(folder, 40);
    const sealing = await open(folder, IN_PROCESS);
    await sealing.compacted();
    const last = aBatch([anEvent({ customer: 'TGAM', context: ['not sealed'] })]);
    await sealing.append(last.identity, () => last.contents);

    await sealing.erase({ customer: 'TGAM' }, 7);
    await sealing.compacted();

    expect(sealing.erasures()).toEqual([
      { number: 1, customer: 'TGAM', askedMs: 7, doneMs: IN_PROCESS.now(), events: 41 },
    ]);
    expect(await readAll(sealing, TGAM)).toEqual([]);
    expect(await readAll(sealing)).toHaveLength(80);
    const files = (await textOf(folder)).split('\n').filter((line) => !line.includes('"op":"erase'));
    expect(files.filter((line) => line.includes('TGAM') || line.includes('not sealed'))).toEqual([]);
    for (const { identity } of [...batches, last]) {
      const again = await sealing.append(identity, () => {
        throw new Error('a known batch is not composed again');
      });
      expect(again).toMatchObject({ kind: 'stored', isNew: false });
    }
  });

  it('carries out several that are asked for at once, each under a number of its own', async () => {
    const folder = await tempFolder();
    const store = await open(folder, IN_PROCESS);
    for (const customer of ['A', 'B', 'C']) {
      const { identity, contents } = aBatch([anEvent({ customer })]);
      await store.append(identity, () => contents);
    }

    const numbers = await Promise.all(['A', 'B'].map((customer) => store.erase({ customer }, 7)));
    await store.compacted();

    expect(numbers).toEqual([1, 2]);
    expect(store.erasures()).toMatchObject([
      { number: 1, customer: 'A', events: 1, doneMs: 0 },
      { number: 2, customer: 'B', events: 1, doneMs: 0 },
    ]);
    for (const [customer, left] of [
      ['A', 0],
      ['B', 0],
      ['C', 1],
    ] as const)
      expect(await readAll(store, { ...FILTER, customer })).toHaveLength(left);
  });

  it('does not wait for an end of the load, nor do later batches make it wait', async () => {
    const store = await SegmentEventStore.open(await tempFolder(), 0, WRITER_DEFAULTS, IN_PROCESS);
    onTestFinished(() => store.close());
    let isOver = false;
    const load = Array.from({ length: 32 }, async () => {
      while (!isOver) {
        const { identity, contents } = aBatch();
        await store.append(identity, () => contents);
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 50));

    await store.erase({ customer: 'NOBODY' }, 7);
    await expect.poll(() => store.erasures()[0]?.doneMs, { timeout: 5_000 }).toBe(0);

    isOver = true;
    await Promise.all(load);
  });

  it('is tried again where the segment that has something of it could not be closed', async () => {
    const folder = await tempFolder();
    const failures: unknown[] = [];
    const store = await open(folder, { ...IN_PROCESS, onFailure: (error) => failures.push(error) });
    const { identity, contents } = aBatch([anEvent({ customer: 'TGAM' })]);
    await store.append(identity, () => contents);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    // A file where the next segment's would be: only its name is in the way.
    await mkdir(segmentPath(folder, 2));

    await store.erase({ customer: 'TGAM' }, 7);
    await vi.waitFor(() => expect(failures).toHaveLength(1));
    await vi.waitFor(() => expect(store.erasures()[0]?.waitsFor).toMatch(/can not be closed.*EEXIST/));
    expect(await readAll(store, TGAM)).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    await vi.waitFor(() => expect(store.erasures()[0]?.doneMs).toBe(0));
    expect(store.erasures()[0]?.waitsFor).toBeUndefined();
  });

  it('leaves a log segment open whose file is missing, without asking again and again, until it is back', async () => {
    const folder = await tempFolder();
    const first = await openSmall(folder, { ...IN_PROCESS, onFailure: () => undefined });
    const { identity, contents } = aBatch([anEvent({ customer: 'TGAM' })]);
    await first.append(identity, () => contents);
    await mkdir(segmentPath(folder, 2));
    await first.erase({ customer: 'TGAM' }, 7);
    await first.compacted();
    await first.close();
    await rmdir(segmentPath(folder, 2));
    const file = segmentPath(folder, 1);
    await rename(file, `${file}.away`);

    const without = await openSmall(folder, IN_PROCESS);
    await without.compacted();
    expect(without.erasures()[0]?.doneMs).toBeUndefined();
    expect(without.erasures()[0]?.waitsFor).toMatch(/00000001\.jsonl is missing: put it back/);
    await without.close();
    await rename(`${file}.away`, file);
    const again = await open(folder, IN_PROCESS);
    await again.compacted();

    expect(again.erasures()).toMatchObject([{ events: 1, doneMs: 0 }]);
    expect(await again.append(identity, () => contents)).toMatchObject({ isNew: false });
  });

  it('leaves files alone that have nothing of it', async () => {
    const folder = await tempFolder();
    await fillStore(folder, 40);
    const store = await open(folder, IN_PROCESS);
    await store.roll();
    await store.compacted();
    const before = (await readdir(path.join(folder, 'sealed'))).toSorted();

    const key = { name: 'userId', value: 'nobody', places: PLACES };
    for (const what of [{ customer: 'NOBODY' }, { customer: 'TGAM', key }]) await store.erase(what, 7);
    await store.compacted();

    expect((await readdir(path.join(folder, 'sealed'))).toSorted()).toEqual(before);
    expect(store.erasures()).toMatchObject([
      { customer: 'NOBODY', events: 0, doneMs: 0 },
      { customer: 'TGAM', events: 0, doneMs: 0 },
    ]);
    expect(await readAll(store, TGAM)).toHaveLength(40);
  });

  it('is for what was stored until then, and not for what comes', async () => {
    const store = await open(await tempFolder(), IN_PROCESS);
    const [before, after] = [aBatch(), aBatch()];
    await store.append(before.identity, () => before.contents);
    await store.erase({ customer: 'BARCHART' }, 7);
    await store.append(after.identity, () => after.contents);
    await store.compacted();

    expect((await readAll(store)).map(({ batch }) => batch)).toEqual([after.identity.batch]);
  });

  it.each([
    ['before a time', { before: 2_000 }, [2_000, 3_000]],
    ['of a user', { key: { name: 'userId', value: 'ann', places: PLACES } }, [2_000]],
    [
      'of a user before a time',
      { before: 2_000, key: { name: 'userId', value: 'ann', places: PLACES } },
      [2_000, 3_000],
    ],
    [
      'of a user whom nobody knows',
      { key: { name: 'userId', value: 'eve', places: PLACES } },
      [1_000, 2_000, 3_000],
    ],
  ])('can be for those %s alone', async (_title, what, left) => {
    const folder = await tempFolder();
    const store = await open(folder, IN_PROCESS);
    const events = ['ann', 'bob', 'ann'].map((user, index) =>
      anEvent({ timestamp: (index + 1) * 1_000, context: [user, 'ann'] }),
    );
    const { identity, contents } = aBatch(events);
    await store.append(identity, () => contents);

    await store.erase({ customer: 'BARCHART', ...what }, 7);
    expect((await readAll(store)).map(({ timestamp }) => timestamp)).toEqual(left);
    await store.compacted();

    expect((await readAll(store)).map(({ timestamp }) => timestamp)).toEqual(left);
    expect(store.erasures()[0]).toMatchObject({ events: 3 - left.length, doneMs: 0 });
  });

  it('leaves of a refused event that it was refused, and nothing that it held', async () => {
    const folder = await tempFolder();
    const store = await open(folder, IN_PROCESS);
    const event = { ...anEvent({ context: ['secret ann'] }), timestamp: -1 };
    const rejected = [
      { sequence: 1, code: 'EVENT_TIMESTAMP_OUT_OF_RANGE', path: 'timestamp', event },
    ] as const;
    const { identity, contents } = aBatch([anEvent()], { contents: { rejected } });
    await store.append(identity, () => contents);

    const key = { name: 'userId', value: 'secret ann', places: PLACES };
    await store.erase({ customer: 'BARCHART', key }, 7);
    await store.compacted();

    expect(await readAll(store)).toHaveLength(1);
    expect(await textOf(folder)).not.toContain('secret ann');
    expect(await store.append(identity, () => contents)).toMatchObject({
      rejected: [{ sequence: 1, code: 'EVENT_TIMESTAMP_OUT_OF_RANGE', path: 'timestamp' }],
    });
    expect(store.erasures()[0]).toMatchObject({ events: 1 });
  });

  it('finds what was cut of a refused event: a value, a customer, a product', async () => {
    const folder = await tempFolder();
    const store = await open(folder, IN_PROCESS);
    const long = (name: string) => `${name} ${'x'.repeat(300)}`;
    // The cut goes through a pair of surrogates.
    const value = `${'v'.repeat(255)}\u{1F600} and more`;
    const [customer, product] = [long('customer'), long('product')];
    const sent = [
      anEvent({ context: [value], version: 'of the value' }),
      anEvent({ context: [value], product, version: 'of the product' }),
      anEvent({ customer, version: 'of the customer' }),
      anEvent({ context: [value.slice(0, 200)], version: 'of another value' }),
      anEvent({ context: [value], customer: long('other'), version: 'of another customer' }),
    ];
    const rejected = sent.map((event, sequence) => {
      const kept = boundedFields(event);
      return { sequence, code: 'EVENT_TOO_LARGE', path: '', event: kept } as const;
    });
    const { identity, contents } = aBatch([anEvent({ context: ['stored'] })], { contents: { rejected } });
    await store.append(identity, () => contents);

    const places = { ...PLACES, [product]: { 'PORTFOLIO-ACCESSED': 0 } };
    await store.erase({ customer: 'BARCHART', key: { name: 'userId', value, places } }, 7);
    await store.erase({ customer }, 7);
    await store.compacted();

    expect((await textOf(folder)).match(/of (the|another) \w+/g)?.toSorted()).toEqual([
      'of another customer',
      'of another value',
    ]);
    expect(store.erasures()).toMatchObject([
      { events: 2, doneMs: 0 },
      { events: 1, doneMs: 0 },
    ]);
    expect(await readAll(store)).toHaveLength(1);
  });
});
