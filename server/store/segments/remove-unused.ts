import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Damage } from '../event-store.ts';
import { retireSegment } from './compaction/compaction-files.ts';
import { fileName, fileNumber, listSegments, type DataDir } from './data-dir.ts';
import type { Manifest } from './manifest.ts';

/**
 * Removes what a crash left behind: files that never came into force, and those that no longer are.
 *
 * @returns The highest number that a log segment has had.
 * @throws Error in words for the operator if the manifest can't be the one of these files.
 */
export async function removeUnused(dir: DataDir, manifest: Manifest, damage: Damage[]): Promise<number> {
  const { segments, sealed, ids, retired } = manifest.files;
  const numbers = await removeSegments(dir, manifest, damage);
  await removeOthers(dir.sealed, sealed, damage);
  await removeOthers(dir.ids, ids, damage);
  return Math.max(0, ...numbers, ...segments.keys(), ...retired.keys());
}

async function removeSegments(
  dir: DataDir,
  manifest: Manifest,
  damage: Damage[],
): Promise<readonly number[]> {
  const { segments: inForce, retired } = manifest.files;
  const numbers = await listSegments(dir);
  for (const number of numbers) {
    if (inForce.has(number)) continue;
    const isDamaged = retired.get(number);
    if (isDamaged !== undefined) {
      // If it can't go now, a later start tries again.
      await retireSegment(dir, number, isDamaged).catch(() => undefined);
      continue;
    }
    const file = dir.segment(number);
    const { size } = await stat(file);
    if (size > 0 && inForce.size === 0) {
      throw new Error(`${dir.manifest} knows none of the segments beside it: restore it from a backup`);
    }
    // Nothing is written before the manifest says durably that the segment is in force, so a file with
    // contents belongs to a manifest that is not this one.
    if (size === 0) await rm(file);
    else damage.push({ path: file, offset: 0, reason: 'the manifest does not know this segment' });
  }
  return numbers;
}

/** Files of sealed segments or ids. If one in force is missing, the manifest may be of another time: then none goes. */
async function removeOthers(
  folder: string,
  inForce: ReadonlyMap<number, unknown>,
  damage: Damage[],
): Promise<void> {
  const names = await readdir(folder);
  const missing = [...inForce.keys()]
    .map((number) => fileName(number))
    .filter((name) => !names.includes(name));
  for (const name of missing)
    damage.push({ path: path.join(folder, name), offset: 0, reason: 'the file is missing' });
  for (const name of names) {
    const number = fileNumber(name);
    const isUnused = number === undefined ? name.endsWith('.tmp') : !inForce.has(number);
    if (!isUnused || (missing.length > 0 && number !== undefined)) continue;
    await rm(path.join(folder, name), { force: true });
  }
}
