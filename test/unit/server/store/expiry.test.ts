import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CompactionAnswer } from '../../../../server/store/segments/compaction/compaction-task.ts';
import type { CompactionOptions } from '../../../../server/store/segments/compaction/compactor.ts';
import { runCompaction } from '../../../../server/store/segments/compaction/run-compaction.ts';
import type { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { aBatch, anEvent, readAll } from '../../../support/events.ts';
import { IN_PROCESS, openSmall } from '../../../support/full-store.ts';
import { textOf } from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

async function open(folder: string, compaction?: CompactionOptions): Promise<SegmentEventStore> {
  const store = await openSmall(folder, compaction);
  onTestFinished(() => store.close());
  return store;
}

describe('expiry', () => {
  const DAY = 86_400_000;
  const batchOf = (days: readonly number[]) =>
    aBatch(
      days.map((day) => anEvent({ timestamp: day * DAY, context: [`day ${day}`] })),
      {
        contents: { received: 10 * DAY },
      },
    );

  it('hides what is older at once, and removes its bytes; batches stay known', async () => {
    const folder = await tempFolder();
    const store = await open(folder, IN_PROCESS);
    const [old, mixed] = [batchOf([1, 2]), batchOf([2, 9])];
    await store.append(old.identity, () => old.contents);
    await store.append(mixed.identity, () => mixed.contents);

    await store.expire(3 * DAY);
    expect((await readAll(store)).map(({ context }) => context[0])).toEqual(['day 9']);
    await store.compacted();

    expect((await readAll(store)).map(({ context }) => context[0])).toEqual(['day 9']);
    expect(await textOf(folder)).not.toMatch(/day [12]/);
    expect(await store.append(old.identity, () => old.contents)).toMatchObject({ isNew: false });
  });

  it('removes a sealed segment of which nothing is left, and never goes back', async () => {
    const folder = await tempFolder();
    const store = await open(folder, IN_PROCESS);
    const { identity, contents } = batchOf([1, 2]);
    await store.append(identity, () => contents);

    await store.expire(3 * DAY);
    await store.compacted();
    await store.expire(1 * DAY);

    expect(await readdir(path.join(folder, 'sealed'))).toEqual([]);
    expect(store.snapshot().expiredBefore).toBe(3 * DAY);
    expect(await store.append(identity, () => contents)).toMatchObject({ isNew: false });
  });

  const refused = (day: number) => ({
    received: day * DAY,
    rejected: [
      { sequence: 0, code: 'EVENT_TYPE_UNKNOWN', path: 'type', event: { type: `refused ${day}` } },
    ] as const,
  });

  /** Events of day 1, and some that were refused on days 4 and 9. */
  async function withRefused(folder: string, compaction: CompactionOptions): Promise<SegmentEventStore> {
    const store = await open(folder, compaction);
    for (const day of [4, 9]) {
      const { identity, contents } = aBatch([anEvent({ timestamp: DAY })], { contents: refused(day) });
      await store.append(identity, () => contents);
    }
    return store;
  }

  it('keeps refused events that came since, until their own day has expired', async () => {
    const folder = await tempFolder();
    const tasks: string[] = [];
    const run: CompactionOptions['run'] = (task) => {
      tasks.push(task.kind);
      return runCompaction(task);
    };
    const store = await withRefused(folder, { ...IN_PROCESS, run });

    await store.expire(3 * DAY);
    await store.compacted();
    expect(await readAll(store)).toEqual([]);
    expect(await textOf(folder)).toMatch(/refused 4.*\n.*refused 9/);
    expect(await textOf(folder)).not.toContain('PORTFOLIO-ACCESSED');
    expect(tasks).toEqual(['seal', 'merge']);
    await store.close();

    const reopened = await open(folder, { ...IN_PROCESS, run });
    await reopened.expire(6 * DAY);
    await reopened.compacted();
    expect(await textOf(folder)).toContain('refused 9');
    expect(await textOf(folder)).not.toContain('refused 4');

    await reopened.expire(10 * DAY);
    await reopened.compacted();
    expect(await readdir(path.join(folder, 'sealed'))).toEqual([]);
    expect(tasks).toEqual(['seal', 'merge', 'merge']);
  });

  it('keeps them also where the manifest is of a version that did not say when they came', async () => {
    const folder = await tempFolder();
    const old: CompactionOptions['run'] = async (task) => {
      const answer = await runCompaction(task);
      if (answer.kind !== 'seal') throw new Error('only what is sealed is of before');
      return withoutNotes(answer);
    };
    const before = await withRefused(folder, { ...IN_PROCESS, run: old });
    await before.roll();
    await before.compacted();
    await before.close();

    const store = await open(folder, IN_PROCESS);
    await store.expire(3 * DAY);
    await store.compacted();
    expect(await readAll(store)).toEqual([]);
    expect(await textOf(folder)).toMatch(/refused 4.*\n.*refused 9/);

    await store.expire(10 * DAY);
    await store.compacted();
    expect(await readdir(path.join(folder, 'sealed'))).toEqual([]);
  });

  it('looks once when refused events came that are all there is of a segment', async () => {
    const folder = await tempFolder();
    const tasks: string[] = [];
    const run: CompactionOptions['run'] = async (task) => {
      tasks.push(task.kind);
      const answer = await runCompaction(task);
      return answer.kind === 'seal' ? withoutNotes(answer) : answer;
    };
    const store = await open(folder, { ...IN_PROCESS, run });
    const { identity, contents } = aBatch([], { contents: refused(9) });
    await store.append(identity, () => contents);

    await store.expire(3 * DAY);
    await store.compacted();
    await store.expire(4 * DAY);
    await store.compacted();
    expect(tasks).toEqual(['seal', 'merge']);
    expect(await textOf(folder)).toContain('refused 9');

    await store.expire(10 * DAY);
    await store.compacted();
    expect(await readdir(path.join(folder, 'sealed'))).toEqual([]);
  });
});

/** As a version answered that did not look when refused events came. */
function withoutNotes(answer: CompactionAnswer & { readonly kind: 'seal' }): CompactionAnswer {
  // An absent field is what it left behind.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { ...answer, notes: undefined } as unknown as CompactionAnswer;
}
