import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CompactionOptions } from '../../../../server/store/segments/compaction/compactor.ts';
import { runCompaction } from '../../../../server/store/segments/compaction/run-compaction.ts';
import type { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { aBatch, anEvent, FILTER } from '../../../support/events.ts';
import { fillStore, IN_PROCESS, openSmall } from '../../../support/full-store.ts';
import { readable, segmentPath } from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** Tries again what fails, soon and silently. */
const PERSISTENT: CompactionOptions = { ...IN_PROCESS, onFailure: () => undefined, retryMs: [20, 20] };

async function open(folder: string, compaction: CompactionOptions): Promise<SegmentEventStore> {
  const store = await openSmall(folder, compaction);
  onTestFinished(() => store.close());
  return store;
}

async function hasNothingLeft(store: SegmentEventStore): Promise<void> {
  expect((await readable(store)).timestamps).toEqual([]);
}

describe('an erasure', () => {
  it('has its turns while ever more segments are to be sealed', async () => {
    const folder = await tempFolder();
    await fillStore(folder, 40);
    let tasks = 0;
    let overloaded: SegmentEventStore | undefined;
    const run: CompactionOptions['run'] = async (task) => {
      const isOver = ++tasks > 200 || overloaded?.erasures()[0]?.doneMs !== undefined;
      if (task.kind === 'seal' && !isOver) {
        // There is another one to be sealed before this one is.
        const { identity, contents } = aBatch([anEvent({ customer: 'LOAD' })]);
        await overloaded?.append(identity, () => contents);
        await overloaded?.roll();
      }
      return runCompaction(task);
    };
    const store = await open(folder, { ...IN_PROCESS, run });
    overloaded = store;

    await store.erase({ customer: FILTER.customer }, 7);
    await store.compacted();

    expect(store.erasures()).toMatchObject([{ doneMs: 0, waitsFor: undefined }]);
    expect(tasks).toBeLessThan(200);
    expect(tasks).toBeGreaterThan(20);
  });

  it.each([
    ['log segment', 'sealed', segmentPath],
    ['sealed segment', 'rewritten', (folder: string) => path.join(folder, 'sealed', '00000001.jsonl')],
  ])(
    'says that it waits for a %s that is missing, hides its events, and ends with an empty file in its place',
    async (what, isNot, pathIn) => {
      const folder = await tempFolder();
      await fillStore(folder, 20);
      if (what === 'sealed segment') {
        const sealing = await openSmall(folder, IN_PROCESS);
        await sealing.compacted();
        await sealing.close();
      }
      const file = pathIn(folder);
      await rm(file);
      const store = await open(folder, PERSISTENT);
      expect(store.erasures()).toEqual([]);

      await store.erase({ customer: FILTER.customer }, 7);

      await expect
        .poll(() => store.erasures()[0]?.waitsFor)
        .toMatch(new RegExp(`^${file} can not be ${isNot} \\(.+\\); if the file is lost, .* an empty file`));
      // Also while it is tried again.
      for (let look = 0; look < 10; look++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        expect(store.erasures()[0]?.waitsFor).toContain(file);
        await hasNothingLeft(store);
      }

      await writeFile(file, '');
      await expect.poll(() => store.erasures()[0]?.doneMs).toBe(0);
      expect(store.erasures()[0]?.waitsFor).toBeUndefined();
      await hasNothingLeft(store);
      const folderOf = path.basename(path.dirname(file));
      await expect
        .poll(() => readdir(path.join(folder, 'quarantine')))
        .toEqual([`${folderOf}-00000001.jsonl`]);
    },
  );

  it.each(['missing', 'empty'])(
    'of what was in an active segment whose file is %s takes nothing of what comes after',
    async (what) => {
      const folder = await tempFolder();
      const first = await openSmall(folder, PERSISTENT);
      for (let count = 0; count < 3; count++) {
        const { identity, contents } = aBatch();
        await first.append(identity, () => contents);
      }
      // So that the segment can't be closed.
      await mkdir(segmentPath(folder, 2));
      await first.erase({ customer: FILTER.customer }, 7);
      await first.compacted();
      await first.close();
      await rmdir(segmentPath(folder, 2));
      await rm(segmentPath(folder));
      if (what === 'empty') await writeFile(segmentPath(folder), '');

      const store = await open(folder, PERSISTENT);
      const { identity, contents } = aBatch([anEvent({ timestamp: 5 })]);
      await store.append(identity, () => contents);
      expect(store.position()).toBe(4);
      await writeFile(segmentPath(folder), '');
      await expect.poll(() => store.erasures()[0]?.doneMs).toBe(0);

      expect((await readable(store)).timestamps).toEqual([5]);
      expect((await readdir(path.join(folder, 'segments'))).length).toBeLessThan(3);
    },
  );
});
