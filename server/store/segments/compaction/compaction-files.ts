import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { syncDirectory } from '../../../sync-directory.ts';
import type { FilePair } from '../batch-record.ts';
import type { DataDir } from '../data-dir.ts';
import type { FilePins } from '../file-pins.ts';

/** A pair of files that is made under one name and kept under another. */
export interface Output {
  readonly temporary: FilePair;
  readonly final: FilePair;
}

/** Runs `make`; if it fails, whatever it left of its outputs is removed. */
export async function withOutputs<Result>(
  outputs: readonly Output[],
  make: () => Promise<Result>,
): Promise<Result> {
  try {
    return await make();
  } catch (error) {
    for (const { temporary, final } of outputs) {
      for (const file of [temporary.data, temporary.index, final.data, final.index]) {
        // What can't be removed now is removed by the next start, as nothing names it.
        await rm(file, { force: true }).catch(() => undefined);
      }
    }
    throw error;
  }
}

/** Gives finished files the names under which they are kept, durably. */
export async function giveNames(outputs: readonly Output[]): Promise<void> {
  for (const { temporary, final } of outputs) {
    await rename(temporary.data, final.data);
    await rename(temporary.index, final.index);
  }
  const folders = new Set(outputs.map(({ final }) => path.dirname(final.data)));
  for (const folder of folders) await syncDirectory(folder);
}

/** Removes both files of a pair as soon as no snapshot needs them. */
export async function retirePair(pins: FilePins, { data, index }: FilePair): Promise<void> {
  for (const file of [data, index]) await pins.retire(file, () => rm(file, { force: true }));
}

/** The same for a sealed segment; of one that had damage the data is kept aside. */
export async function retireSealed(
  dir: DataDir,
  pins: FilePins,
  number: number,
  isDamaged: boolean,
): Promise<void> {
  const { data, index } = dir.sealedPair(number);
  await pins.retire(data, () => (isDamaged ? keepAside(dir, data) : rm(data, { force: true })));
  await pins.retire(index, () => rm(index, { force: true }));
}

/** Removes a log segment that was sealed, or keeps it aside if it had damage. */
export function retireSegment(dir: DataDir, segment: number, isDamaged: boolean): Promise<void> {
  const file = dir.segment(segment);
  return isDamaged ? keepAside(dir, file) : rm(file, { force: true });
}

/** Moves a damaged file out of the way: somebody may be able to read what we can not. */
export async function keepAside(dir: DataDir, file: string): Promise<void> {
  await mkdir(dir.quarantine, { recursive: true, mode: 0o700 });
  await rename(
    file,
    path.join(dir.quarantine, `${path.basename(path.dirname(file))}-${path.basename(file)}`),
  );
}
