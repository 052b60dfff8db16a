import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { verifyStore } from '../../../../server/store/open-store.ts';
import { WRONG_VERSION } from '../../../../server/store/segments/checked-line.ts';
import type { CompactionOptions } from '../../../../server/store/segments/compaction/compactor.ts';
import type { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { aBatch } from '../../../support/events.ts';
import { fillStore, IN_PROCESS, openSmall, sealedStore } from '../../../support/full-store.ts';
import {
  fill,
  lineOffsets,
  manifestCopyPath,
  manifestPath,
  manifestPaths,
  openStore,
  overwrite,
  readable,
  segmentPath,
} from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** Where a line's version is. */
const VERSION_AT = 5;
/** A digit that differs from 1 by one bit. */
const DAMAGED = '3';

async function openSealing(folder: string, compaction?: CompactionOptions): Promise<SegmentEventStore> {
  const store = await openSmall(folder, compaction);
  onTestFinished(() => store.close());
  return store;
}

async function verified(folder: string): Promise<readonly (readonly [file: string, reason: string])[]> {
  const found: (readonly [string, string])[] = [];
  for await (const { damage } of verifyStore(`file:${folder}`))
    found.push(...damage.map(({ path: file, reason }) => [path.relative(folder, file), reason] as const));
  return found;
}

describe('a damaged version', () => {
  it.each([
    ['the first line', 1, 0],
    ['a line in the middle', 1, 1],
    ['the last line, which a crash could not have torn so', 1, 2],
    ['a closed segment', 2, 1],
  ])('of %s of the log hides nothing and is told of', async (_title, segments, number) => {
    const folder = await tempFolder();
    const store = await openStore(folder, segments === 1 ? undefined : 700);
    const batches = await fill(store, 3);
    await store.close();
    const file = segmentPath(folder);
    const offset = (await lineOffsets(file))[number] ?? NaN;
    await overwrite(file, offset + VERSION_AT, DAMAGED);
    const before = await readFile(file);

    const reopened = await openStore(folder);

    expect(await readFile(file)).toEqual(before);
    const damage = [{ path: file, offset, reason: WRONG_VERSION }];
    expect(reopened.health().damage).toEqual(damage);
    expect(await readable(reopened)).toEqual({ timestamps: [0, 1, 2], damage: [] });
    for (const { identity, contents } of batches)
      expect(await reopened.append(identity, () => contents)).toMatchObject({ isNew: false });
    expect(await verified(folder)).toEqual([[path.relative(folder, file), WRONG_VERSION]]);
  });

  it('of a line that is sealed loses nothing, and the file is kept aside', async () => {
    const folder = await tempFolder();
    const full = await fillStore(folder, 10);
    await overwrite(segmentPath(folder), VERSION_AT, DAMAGED);

    const store = await openSealing(folder, IN_PROCESS);
    await store.compacted();

    expect((await readable(store)).timestamps).toHaveLength(full.batches.length * 2);
    const [first] = full.batches;
    if (first === undefined) throw new Error('there are ten');
    expect(await store.append(first.identity, () => first.contents)).toMatchObject({ isNew: false });
    expect(await readdir(path.join(folder, 'quarantine'))).toEqual(['segments-00000001.jsonl']);
  });

  it('of a manifest record with others behind it is told of, and the record counts', async () => {
    const { folder, full } = await sealedStore();
    const file = manifestPath(folder);
    const offsets = (await lineOffsets(file)).slice(0, -2);
    expect(offsets.length).toBeGreaterThan(3);
    for (const each of manifestPaths(folder)) {
      for (const offset of offsets) await overwrite(each, offset + VERSION_AT, DAMAGED);
    }

    const store = await openSealing(folder);

    expect(store.health().damage).toEqual(
      offsets.map((offset) => ({ path: file, offset, reason: WRONG_VERSION })),
    );
    expect(await readable(store)).toMatchObject({ damage: [] });
    expect((await readable(store)).timestamps).toHaveLength(full.batches.length * 2);
    const { identity, contents } = aBatch();
    expect(await store.append(identity, () => contents)).toMatchObject({ isNew: true });
    expect((await verified(folder)).map(([name]) => name)).toEqual(offsets.map(() => 'manifest.jsonl'));
  });

  it('of the last manifest record could be a newer version: the start is refused, and says how to mend it', async () => {
    const { folder } = await sealedStore();
    const file = manifestPath(folder);
    const offset = (await lineOffsets(file)).at(-2) ?? NaN;
    for (const each of manifestPaths(folder)) await overwrite(each, offset + VERSION_AT, DAMAGED);

    await expect(openSmall(folder)).rejects.toThrow(
      new RegExp(`newer version.* is damaged at byte ${offset}: .*begin with \\{"v":1 again`),
    );
    await overwrite(file, offset + VERSION_AT, '1');
    const damage = [{ path: manifestCopyPath(folder), offset, reason: 'the copy of the record is damaged' }];
    expect((await openSealing(folder)).health().damage).toEqual(damage);
  });

  it.each(['with an index', 'without an index'])(
    'of a line before the rows of a sealed segment hides nothing, %s',
    async (title) => {
      const { folder, full } = await sealedStore();
      const data = path.join(folder, 'sealed', '00000001.jsonl');
      const at = (await readFile(data, 'latin1')).indexOf('\n') + 1;
      await overwrite(data, at + VERSION_AT, DAMAGED);
      const damage = new Set((await verified(folder)).map(([file]) => file));
      if (title === 'without an index') await rm(path.join(folder, 'sealed', '00000001.index.jsonl'));

      const found = await readable(await openSealing(folder));

      expect(damage).toEqual(new Set(['sealed/00000001.jsonl']));
      expect(found.timestamps).toHaveLength(full.batches.length * 2);
      const told = found.damage.map(({ offset, reason }) => [offset, reason]);
      if (title === 'without an index') expect(told).toContainEqual([at, WRONG_VERSION]);
      else expect(told).toEqual([]);
    },
  );

  it('of an id file without an index stops no new batches', async () => {
    const { folder, full } = await sealedStore();
    await rm(path.join(folder, 'ids', '00000001.index.jsonl'));
    await overwrite(path.join(folder, 'ids', '00000001.jsonl'), VERSION_AT, DAMAGED);

    const store = await openSealing(folder);

    const { identity, contents } = aBatch();
    expect(await store.append(identity, () => contents)).toMatchObject({ isNew: true });
    for (const batch of full.batches)
      expect(await store.append(batch.identity, () => batch.contents)).toMatchObject({ isNew: false });
    expect(await verified(folder)).toEqual([['ids/00000001.jsonl', WRONG_VERSION]]);
  });
});
