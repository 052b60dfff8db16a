import { describe, expect, it, onTestFinished } from 'vitest';
import type { CompactionOptions } from '../../../../server/store/segments/compaction/compactor.ts';
import { runCompaction } from '../../../../server/store/segments/compaction/run-compaction.ts';
import { fillStore, openSmall } from '../../../support/full-store.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** Merges of ids fail; what is done is listed. */
function failing(done: string[], waitMs: number): CompactionOptions {
  return {
    run: async (task) => {
      done.push(task.kind);
      if (task.kind === 'merge-ids') throw new Error('no ids today');
      return runCompaction(task);
    },
    onFailure: () => done.push('failed'),
    retryMs: [waitMs, waitMs],
    now: () => 0,
  };
}

describe('a task that fails', () => {
  it('holds up no other, neither those that are due nor those that come', async () => {
    const folder = await tempFolder();
    await fillStore(folder, 60);
    const done: string[] = [];
    const store = await openSmall(folder, failing(done, 1_000_000));
    onTestFinished(() => store.close());

    await expect.poll(() => done).toContain('merge');
    const seals = done.filter((kind) => kind === 'seal').length;
    await store.roll();

    await expect.poll(() => done.filter((kind) => kind === 'seal').length).toBe(seals + 1);
    expect(done).toContain('failed');
  });

  it('is tried again', async () => {
    const folder = await tempFolder();
    await fillStore(folder, 60);
    const done: string[] = [];
    const store = await openSmall(folder, failing(done, 20));
    onTestFinished(() => store.close());

    const groups = () => done.filter((kind) => kind === 'merge-ids').length;
    await expect.poll(groups).toBeGreaterThan(8);
  });
});
