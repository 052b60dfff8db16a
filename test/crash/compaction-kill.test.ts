import { cp, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { DyingDisk } from '../support/dying-disk.ts';
import type { CompactionOptions } from '../../server/store/segments/compaction/compactor.ts';
import { runCompaction } from '../../server/store/segments/compaction/run-compaction.ts';
import type { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { FILTER, readAll } from '../support/events.ts';
import { expectFull, fillStore, IN_PROCESS, openSmall, type FullStore } from '../support/full-store.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { makeTempFolder, tempFolder } from '../support/temp-folder.ts';

const disk = vi.hoisted(() => ({
  dying: undefined as DyingDisk | undefined,
  simulated: undefined as SimulatedDisk | undefined,
}));

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const original = await importOriginal();
  const { wrapDisks } = await import('../support/dying-disk.ts');
  return { ...original, ...wrapDisks(original, disk) };
});

interface Stage {
  readonly batches: number;
  /** Brings the filled store to where the stage begins. */
  readonly prepare?: CompactionOptions;
  /** What is done besides sealing and merging; resolves when it is acknowledged. */
  readonly act?: (store: SegmentEventStore) => Promise<unknown>;
  /** Customers whose events are there once `act` was acknowledged. */
  readonly left: readonly string[];
  /** So many changes of the disk, at least. */
  readonly changes: number;
}

const ALL = ['BARCHART', 'TGAM'];
const SEALING_ONLY: CompactionOptions = {
  ...IN_PROCESS,
  run: (task) => (task.kind === 'seal' ? runCompaction(task) : Promise.reject(new Error('not now'))),
  onFailure: () => undefined,
};
const STAGES: readonly (readonly [string, Stage])[] = [
  ['sealing', { batches: 10, left: ALL, changes: 40 }],
  ['merging', { batches: 40, prepare: SEALING_ONLY, left: ALL, changes: 40 }],
  [
    'erasing',
    {
      batches: 10,
      prepare: IN_PROCESS,
      act: (store) => store.erase({ customer: 'TGAM' }, 7),
      left: ['BARCHART'],
      changes: 40,
    },
  ],
];

interface Attempt {
  readonly dying: DyingDisk;
  readonly isAcknowledged: boolean;
}

/** Does a stage's work until the disk dies, or to the end. */
async function attempt(dieAt: number, folder: string, { act }: Stage): Promise<Attempt> {
  const dying = new DyingDisk(dieAt);
  disk.dying = dying;
  let isAcknowledged = false;
  const work = async (): Promise<void> => {
    const store = await openSmall(folder, { ...IN_PROCESS, onFailure: () => undefined });
    await act?.(store);
    isAcknowledged = !dying.isDead;
    await store.compacted();
    await store.close();
  };
  // What goes on after the death of the process fails, and nobody hears of it.
  await Promise.race([dying.died, work().catch(() => undefined)]);
  return { dying, isAcknowledged };
}

/** Opens what is left, and then seals and merges it to the end. */
async function check(folder: string, full: FullStore, stage: Stage, isAcknowledged: boolean): Promise<void> {
  for (const compaction of [undefined, IN_PROCESS]) {
    const store = await openSmall(folder, compaction);
    try {
      await store.compacted();
      const isDone = isAcknowledged || (stage.act !== undefined && store.erasures().length > 0);
      await expectFull(store, full, isDone ? stage.left : ALL);
      if (isDone && stage.act !== undefined)
        expect(await readAll(store, { ...FILTER, customer: 'TGAM' })).toEqual([]);
    } finally {
      await store.close();
    }
  }
  const names = await readdir(folder, { recursive: true });
  expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(await readdir(path.join(folder, 'segments'))).toHaveLength(1);
}

describe.each(STAGES)('%s', (_name, stage) => {
  it.each([
    ['killed', false],
    ['without power', true],
  ])('can be %s between any two changes of the disk, and each event is there once', async (_title, isCut) => {
    const base = await tempFolder();
    const prepared = path.join(base, 'prepared');
    const full = await fillStore(prepared, stage.batches);
    if (stage.prepare !== undefined) await prepare(prepared, stage.prepare);
    let dieAt = 0;
    for (let isOver = false; !isOver;) {
      dieAt++;
      const run = await makeTempFolder();
      try {
        let folder = path.join(run.path, 'store');
        const simulated = new SimulatedDisk();
        disk.simulated = simulated;
        await cp(prepared, folder, { recursive: true });
        if (isCut) await simulated.adopt(folder);
        const { dying, isAcknowledged } = await attempt(dieAt, folder, stage);
        isOver = !dying.isDead;
        disk.dying = undefined;
        await simulated.kill();
        disk.simulated = undefined;
        if (isCut) {
          const left = path.join(run.path, 'left');
          await mkdir(left);
          await simulated.cutPower(folder, left, () => 0);
          folder = left;
        }
        await check(folder, full, stage, isAcknowledged).catch((error: unknown) => {
          throw new Error(`after ${dieAt - 1} changes, before ${dying.changes.at(-1)}`, { cause: error });
        });
      } finally {
        disk.dying = undefined;
        disk.simulated = undefined;
        await run.remove();
      }
    }
    expect(dieAt).toBeGreaterThan(stage.changes);
  });
});

async function prepare(folder: string, compaction: CompactionOptions): Promise<void> {
  const store = await openSmall(folder, compaction);
  // Where merging is refused, it does not settle.
  await Promise.race([store.compacted(), new Promise((resolve) => setTimeout(resolve, 1_000))]);
  await store.close();
}
