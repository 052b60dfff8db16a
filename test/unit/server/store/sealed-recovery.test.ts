import { readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { verifyStore } from '../../../../server/store/open-store.ts';
import type { CompactionOptions } from '../../../../server/store/segments/compaction/compactor.ts';
import type { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { aBatch } from '../../../support/events.ts';
import { expectFull, fillStore, IN_PROCESS, openSmall, sealedStore } from '../../../support/full-store.ts';
import { lineOffsets, overwrite, readable, segmentPath } from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

async function open(folder: string, compaction?: CompactionOptions): Promise<SegmentEventStore> {
  const store = await openSmall(folder, compaction);
  onTestFinished(() => store.close());
  return store;
}

/** The paths of a folder's files that end so. */
async function filesIn(folder: string, end: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith(end))
    .toSorted()
    .map((name) => path.join(folder, name));
}

async function damageFound(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { damage } of verifyStore(`file:${folder}`))
    found.push(...damage.map(({ path: at, reason }) => `${path.relative(folder, at)}: ${reason}`));
  return found;
}

describe('a sealed store', () => {
  it.each([
    ['missing', (file: string) => rm(file)],
    ['damaged', (file: string) => overwrite(file, 40, '#')],
  ])('makes the index of an id file again that is %s', async (_title, harm) => {
    const { folder, full } = await sealedStore();
    const indexes = await filesIn(path.join(folder, 'ids'), '.index.jsonl');
    for (const index of indexes) await harm(index);

    await expectFull(await open(folder), full);

    expect(indexes.length).toBeGreaterThan(1);
    expect(await damageFound(folder)).toEqual([]);
  });

  it('takes no new batch while an id file is missing, since it could be an old one; and serves what is there', async () => {
    const { folder, full } = await sealedStore();
    const [gone = '', left = ''] = (await filesIn(path.join(folder, 'ids'), '.jsonl')).filter(
      (file) => !file.endsWith('.index.jsonl'),
    );
    await rm(gone);

    const store = await open(folder);
    const { identity, contents } = aBatch();
    const error = { code: 'STORE_UNAVAILABLE', retryAfterSeconds: 5 };
    await expect(store.append(identity, () => contents)).rejects.toMatchObject(error);

    expect(left).not.toBe('');
    expect(store.health()).toMatchObject({ isWritable: false });
    expect(store.health().damage.map((damage) => damage.path)).toContain(gone);
    expect((await readable(store)).timestamps).toHaveLength(full.batches.length * 2);
  });

  it('keeps aside a log segment that was missing when the next one was begun, and is back', async () => {
    const folder = await tempFolder();
    const before = await openSmall(folder);
    const { identity, contents } = aBatch();
    await before.append(identity, () => contents);
    await before.close();
    const file = segmentPath(folder);
    const text = await readFile(file, 'utf8');
    await rename(file, `${file}.away`);
    const failures: unknown[] = [];
    const store = await open(folder, {
      ...IN_PROCESS,
      onFailure: (error) => failures.push(error),
      retryMs: [10, 10],
    });
    const next = aBatch();
    await store.append(next.identity, () => next.contents);
    await expect.poll(() => failures.length).toBeGreaterThan(0);

    await rename(`${file}.away`, file);

    const kept = path.join(folder, 'quarantine', 'segments-00000001.jsonl');
    await expect.poll(() => readFile(kept, 'utf8').catch(String)).toBe(text);
    expect(store.health().damage.map(({ path: at }) => at)).toContain(file);
  });

  it('takes new batches again when the id file is back', async () => {
    const { folder } = await sealedStore();
    const [moved = ''] = await filesIn(path.join(folder, 'ids'), '1.jsonl');
    await rename(moved, `${moved}.away`);
    const store = await open(folder);
    const { identity, contents } = aBatch();
    await rename(`${moved}.away`, moved);

    await expect(store.append(identity, () => contents)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect
      .poll(() => store.append(identity, () => contents).then(({ kind }) => kind, String))
      .toBe('stored');
    expect(store.health().isWritable).toBe(true);
  });

  it('starts although an id file is damaged, and takes what it does not concern', async () => {
    const { folder, full } = await sealedStore();
    const data = await filesIn(path.join(folder, 'ids'), '.jsonl');
    for (const file of data.filter((name) => !name.endsWith('.index.jsonl'))) await overwrite(file, 120, '#');

    const store = await open(folder);
    const { identity, contents } = aBatch();
    expect(await store.append(identity, () => contents)).toMatchObject({ isNew: true });

    const outcomes = await Promise.allSettled(
      full.batches.map((batch) => store.append(batch.identity, () => batch.contents)),
    );
    const refused = outcomes.filter((found) => found.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const stored = outcomes.filter((found) => found.status === 'fulfilled');
    for (const { value } of stored) expect(value).toMatchObject({ kind: 'stored', isNew: false });
    await store.close();
    expect((await readable(await open(folder))).timestamps.length).toBeGreaterThan(0);
  });

  it.each(['ids', 'sealed'])(
    'does without an index in %s that says to be of a newer version',
    async (name) => {
      const { folder, full } = await sealedStore();
      for (const index of await filesIn(path.join(folder, name), '.index.jsonl'))
        await overwrite(index, 5, '3');

      const store = await open(folder);

      expect((await readable(store)).timestamps).toHaveLength(full.batches.length * 2);
      const { identity, contents } = aBatch();
      expect(await store.append(identity, () => contents)).toMatchObject({ isNew: true });
    },
  );

  it('reads a sealed segment without its index, and says so', async () => {
    const { folder, full } = await sealedStore();
    const [index = ''] = await filesIn(path.join(folder, 'sealed'), '.index.jsonl');
    await rm(index);

    const { timestamps, damage } = await readable(await open(folder));

    expect(timestamps).toHaveLength(full.batches.length * 2);
    expect(damage.map((found) => found.path)).toEqual([index]);
  });

  it('hides nothing but a row that is damaged, and names its place', async () => {
    const { folder, full } = await sealedStore();
    const [, data = ''] = await filesIn(path.join(folder, 'sealed'), '.jsonl');
    const offset = (await lineOffsets(data))[3] ?? 0;
    await overwrite(data, offset, '#');

    const { timestamps, damage } = await readable(await open(folder));

    expect(timestamps).toHaveLength(full.batches.length * 2 - 1);
    expect(damage).toEqual([{ path: data, offset, reason: 'the line is damaged' }]);
    expect(await damageFound(folder)).toContain(`sealed/${path.basename(data)}: the line is damaged`);
  });

  it('keeps a log segment aside that had damage when it was sealed, until somebody removes it', async () => {
    const folder = await tempFolder();
    const full = await fillStore(folder, 10);
    await overwrite(segmentPath(folder, 1), 100, '#');
    const store = await open(folder, IN_PROCESS);
    await store.compacted();

    expect(store.health().damage.map(({ reason }) => reason)).toContain('the line is damaged');
    expect((await readable(store)).timestamps).toHaveLength(full.batches.length * 2 - 2);
    expect((await readable(store)).damage).toEqual([]);
    await store.close();
    const kept = path.join(folder, 'quarantine', 'segments-00000001.jsonl');
    const again = await open(folder);
    expect(again.health().damage).toEqual([
      { path: kept, offset: 0, reason: 'it had damage when it was sealed, and is kept aside' },
    ]);
    await again.close();
    await rm(kept);
    expect((await open(folder)).health().damage).toEqual([]);
  });

  it('keeps a sealed segment aside that had damage when it was rewritten', async () => {
    const { folder } = await sealedStore();
    const [data = ''] = await filesIn(path.join(folder, 'sealed'), '1.jsonl');
    await overwrite(data, (await lineOffsets(data))[3] ?? 0, '#');
    const store = await open(folder, IN_PROCESS);
    await store.erase({ customer: 'TGAM' }, 7);
    await store.compacted();

    const [kept = ''] = await filesIn(path.join(folder, 'quarantine'), '.jsonl');
    expect(path.basename(kept)).toBe(`sealed-${path.basename(data)}`);
    await store.close();
    expect((await open(folder)).health().damage.map((damage) => damage.path)).toEqual([kept]);
  });

  it('rewrites a segment for an erasure although only damage is found, and keeps it aside', async () => {
    const { folder } = await sealedStore();
    const [data = ''] = await filesIn(path.join(folder, 'sealed'), '1.jsonl');
    const rows = (await readFile(data, 'utf8')).split('\n');
    const start = rows.findIndex((line) => line.includes('"customer":"TGAM"'));
    await overwrite(data, (await lineOffsets(data))[start + 1] ?? 0, '#');
    const store = await open(folder, IN_PROCESS);
    const places = { PORTFOLIO: { 'PORTFOLIO-ACCESSED': 0 } };
    await store.erase({ customer: 'TGAM', key: { name: 'userId', value: 'nobody', places } }, 7);
    await store.compacted();

    expect(await store.keptAside()).toBe(1);
    expect(store.erasures()[0]).toMatchObject({ events: 0, doneMs: 0 });
  });

  it('removes no damaged segment that it can not move aside', async () => {
    const { folder } = await sealedStore();
    const [data = ''] = await filesIn(path.join(folder, 'sealed'), '1.jsonl');
    await overwrite(data, (await lineOffsets(data))[3] ?? 0, '#');
    const damaged = await readFile(data);
    await writeFile(path.join(folder, 'quarantine'), 'in the way');
    const store = await open(folder, IN_PROCESS);
    await store.erase({ customer: 'TGAM' }, 7);
    await store.compacted();
    await store.close();
    await rm(path.join(folder, 'quarantine'));

    const again = await open(folder);

    expect(await readFile(path.join(folder, 'quarantine', `sealed-${path.basename(data)}`))).toEqual(damaged);
    expect(await again.keptAside()).toBe(1);
  });

  it('does not merge an id file that was refused, which would hide that ids are missing', async () => {
    const folder = await tempFolder();
    const full = await fillStore(folder, 16);
    const store = await openSmall(folder, { ...IN_PROCESS, run: stopAfter(3) });
    await Promise.race([store.compacted(), new Promise((resolve) => setTimeout(resolve, 500))]);
    await store.close();
    const ids = await filesIn(path.join(folder, 'ids'), '1.jsonl');
    const [short = ''] = ids;
    await truncate(short, (await lineOffsets(short))[2] ?? 0);
    await rm(short.replace('.jsonl', '.index.jsonl'));

    const again = await open(folder, { ...IN_PROCESS, onFailure: () => undefined });
    await again.roll();
    await again.roll();
    await new Promise((resolve) => setTimeout(resolve, 300));

    const outcomes = await Promise.allSettled(
      full.batches.map(({ identity, contents }) => again.append(identity, () => contents)),
    );
    const stored = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    for (const { value } of stored) expect(value).toMatchObject({ isNew: false });
    expect(stored.length).toBeLessThan(outcomes.length);
    expect(again.health().isWritable).toBe(false);
  });

  it('removes what never came into force, but nothing where a file in force is missing', async () => {
    const { folder, full } = await sealedStore();
    const left = ['sealed/00000099.jsonl', 'ids/00000099.jsonl', 'sealed/00000099.jsonl.of-another.tmp'];
    const leave = async (): Promise<void> => {
      for (const name of left) await writeFile(path.join(folder, name), 'left behind');
    };
    const isThere = async (): Promise<boolean[]> => {
      const names = await readdir(folder, { recursive: true });
      return left.map((name) => names.includes(name));
    };
    await leave();
    const store = await open(folder);
    await expectFull(store, full);
    await store.close();
    expect(await isThere()).toEqual([false, false, false]);

    await leave();
    const [data = ''] = await filesIn(path.join(folder, 'sealed'), '1.jsonl');
    await rm(data);
    const incomplete = await open(folder);

    expect(incomplete.health().damage).toContainEqual({
      path: data,
      offset: 0,
      reason: 'the file is missing',
    });
    expect(await isThere()).toEqual([true, true, false]);
  });
});

describe('verifying a store', () => {
  it('finds nothing in one that is whole, sealed or not, also while it is open', async () => {
    const folder = await tempFolder();
    await fillStore(folder, 10);
    expect(await damageFound(folder)).toEqual([]);
    const store = await open(folder, IN_PROCESS);
    await store.compacted();
    expect(await damageFound(folder)).toEqual([]);
  });

  it.each([
    ['the manifest', 'manifest.jsonl', 40],
    ['a log segment', 'segments/00000003.jsonl', 100],
    ['an id file', 'ids/00000001.jsonl', 100],
    ['a sealed segment', 'sealed/00000001.jsonl', 200],
    ['the index of one', 'sealed/00000001.index.jsonl', 100],
  ])('finds a changed byte in %s', async (_title, name, offset) => {
    const folder = await tempFolder();
    await fillStore(folder, 16);
    const store = await openSmall(folder, { ...IN_PROCESS, run: stopAfter(2) });
    await Promise.race([store.compacted(), new Promise((resolve) => setTimeout(resolve, 500))]);
    await store.close();
    expect(await damageFound(folder)).toEqual([]);

    await overwrite(path.join(folder, name), offset, '\u0001');

    expect((await damageFound(folder)).join()).toContain(path.basename(name).split('.')[0]);
  });
});

describe('verifying a store without its manifest', () => {
  it('goes on with the copy, and says so', async () => {
    const { folder } = await sealedStore();
    await rm(path.join(folder, 'manifest.jsonl'));
    await overwrite(path.join(folder, 'sealed', '00000001.jsonl'), 200, '\u0001');

    const found = await damageFound(folder);

    expect(found[0]).toBe('manifest.jsonl: the record is damaged; its copy is whole');
    expect(found[1]).toContain('sealed/00000001.jsonl: ');
  });

  it('says that nothing can be verified where the copy is missing, too', async () => {
    const { folder } = await sealedStore();
    for (const name of ['manifest.jsonl', 'manifest-copy.jsonl']) await rm(path.join(folder, name));

    expect(await damageFound(folder)).toEqual(['manifest.jsonl: the file is missing or empty']);
  });
});

/** Does so many tasks and no more. */
function stopAfter(count: number): CompactionOptions['run'] {
  let left = count;
  return (task, signal) =>
    left-- > 0 ? IN_PROCESS.run(task, signal) : Promise.reject(new Error('that is enough'));
}
