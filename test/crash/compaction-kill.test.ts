import { cp, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { DyingDisk } from '../support/dying-disk.ts';
import { expectFull, fillStore, IN_PROCESS, openSmall } from '../support/full-store.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { makeTempFolder, tempFolder } from '../support/temp-folder.ts';

const disk = vi.hoisted(() => ({
  dying: undefined as DyingDisk | undefined,
  simulated: undefined as SimulatedDisk | undefined,
}));

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const original = await importOriginal();
  const open: typeof original.open = async (file, flags, ...rest) => {
    const isNew = flags !== undefined && flags !== 'r';
    if (isNew) disk.dying?.change('open');
    let handle = await original.open(file, flags, ...rest);
    if (disk.simulated !== undefined) handle = await disk.simulated.watch(String(file), handle);
    return disk.dying?.watch(handle) ?? handle;
  };
  return { ...original, ...DyingDisk.wrap(original, () => disk.dying), open };
});

/** Seals and merges until the disk dies, or to the end; whether it died, and what it did. */
async function compactUntil(dieAt: number, folder: string): Promise<DyingDisk> {
  const dying = new DyingDisk(dieAt);
  disk.dying = dying;
  const store = openSmall(folder, IN_PROCESS);
  const end = store.then(
    (opened) => opened.compacted().then(() => opened.close()),
    () => undefined,
  );
  await Promise.race([dying.died, end]);
  return dying;
}

/** Opens what is left, and then seals and merges it to the end. */
async function check(folder: string, full: Awaited<ReturnType<typeof fillStore>>): Promise<void> {
  for (const compaction of [undefined, IN_PROCESS]) {
    const store = await openSmall(folder, compaction);
    try {
      await store.compacted();
      await expectFull(store, full);
    } finally {
      await store.close();
    }
  }
  const names = await readdir(folder, { recursive: true });
  expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(await readdir(path.join(folder, 'segments'))).toHaveLength(1);
}

describe('sealing and merging', () => {
  it.each([
    ['killed', false],
    ['without power', true],
  ])('can be %s between any two changes of the disk, and each event is there once', async (_title, isCut) => {
    const base = await tempFolder();
    const prepared = path.join(base, 'prepared');
    const full = await fillStore(prepared, 40);
    let dieAt = 0;
    for (let isDone = false; !isDone;) {
      dieAt++;
      const run = await makeTempFolder();
      try {
        let folder = path.join(run.path, 'store');
        const simulated = new SimulatedDisk();
        disk.simulated = simulated;
        await cp(prepared, folder, { recursive: true });
        if (isCut) await simulated.adopt(folder);
        const dying = await compactUntil(dieAt, folder);
        isDone = !dying.isDead;
        disk.dying = undefined;
        await simulated.kill();
        disk.simulated = undefined;
        if (isCut) {
          const left = path.join(run.path, 'left');
          await mkdir(left);
          await simulated.cutPower(folder, left, () => 0);
          folder = left;
        }
        await check(folder, full).catch((error: unknown) => {
          throw new Error(`after ${dieAt - 1} changes, before ${dying.changes.at(-1)}`, { cause: error });
        });
      } finally {
        disk.dying = undefined;
        disk.simulated = undefined;
        await run.remove();
      }
    }
    // Several segments were sealed, and sealed segments and id files merged.
    expect(dieAt).toBeGreaterThan(100);
  });
});
