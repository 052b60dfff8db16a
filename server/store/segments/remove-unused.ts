import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Damage } from '../event-store.ts';
import { keepAside, retireSegment } from './compaction/compaction-files.ts';
import { fileName, fileNumber, type DataDir } from './data-dir.ts';
import type { Manifest } from './manifest.ts';

/** The highest numbers that files have had, whether they are in force or not. */
export interface LastNumbers {
  readonly segment: number;
  /** Of sealed segments and id files. */
  readonly sealed: number;
}

/**
 * Removes what a crash left behind: files that never came into force, and those that no longer are.
 *
 * A manifest that names a file that is missing, or does not know a log segment that has contents, may be one
 * of another time: then nothing is removed but temporary files, and all of it is reported.
 *
 * @throws Error in words for the operator if the manifest can't be the one of these files.
 */
export async function removeUnused(dir: DataDir, manifest: Manifest, damage: Damage[]): Promise<LastNumbers> {
  const { segments, sealed, ids, retired } = manifest.files;
  const names = {
    segments: await readdir(dir.segments),
    sealed: await readdir(dir.sealed),
    ids: await readdir(dir.ids),
  };
  const strangers = await unknownSegments(dir, manifest, names.segments);
  const missing = [
    ...missingIn(dir.segments, names.segments, segments),
    ...missingIn(dir.sealed, names.sealed, sealed),
    ...missingIn(dir.ids, names.ids, ids),
  ];
  damage.push(...strangers);
  // A log segment that is missing is told of by whoever reads it.
  damage.push(...missing.filter(({ path: file }) => path.dirname(file) !== dir.segments));
  const isTrusted = strangers.length + missing.length === 0;
  if (isTrusted) await removeSegments(dir, manifest, names.segments);
  if (isTrusted) await keepDamaged(dir, manifest, names.sealed);
  const { damagedSealed } = manifest.files;
  await removeOthers(
    dir.sealed,
    names.sealed,
    isTrusted,
    (number) => sealed.has(number) || damagedSealed.has(number),
  );
  await removeOthers(dir.ids, names.ids, isTrusted, (number) => ids.has(number));
  return {
    segment: Math.max(highest(names.segments), ...segments.keys(), ...retired.keys()),
    sealed: Math.max(highest(names.sealed), highest(names.ids), manifest.files.lastNumber),
  };
}

function highest(names: readonly string[]): number {
  return Math.max(0, ...names.map((name) => fileNumber(name) ?? 0));
}

/** Log segments with contents that the manifest has never heard of. */
async function unknownSegments(
  dir: DataDir,
  manifest: Manifest,
  names: readonly string[],
): Promise<readonly Damage[]> {
  const { segments, retired } = manifest.files;
  const unknown: Damage[] = [];
  for (const name of names) {
    const number = fileNumber(name);
    if (number === undefined || segments.has(number) || retired.has(number)) continue;
    const file = dir.segment(number);
    // Nothing is written before the manifest says durably that the segment is in force.
    if ((await stat(file)).size === 0) continue;
    if (segments.size === 0)
      throw new Error(`${dir.manifest} knows none of the segments beside it: restore it from a backup`);
    unknown.push({ path: file, offset: 0, reason: 'the manifest does not know this segment' });
  }
  return unknown;
}

function missingIn(
  folder: string,
  names: readonly string[],
  inForce: ReadonlyMap<number, unknown>,
): readonly Damage[] {
  return [...inForce.keys()]
    .map((number) => fileName(number))
    .filter((name) => !names.includes(name))
    .map((name) => ({ path: path.join(folder, name), offset: 0, reason: 'the file is missing' }));
}

/** Log segments that are sealed, and empty ones that never came into force. */
async function removeSegments(dir: DataDir, manifest: Manifest, names: readonly string[]): Promise<void> {
  const { segments, retired } = manifest.files;
  for (const name of names) {
    const number = fileNumber(name);
    if (number === undefined || segments.has(number)) continue;
    // If it can't go now, a later start tries again.
    await retireSegment(dir, number, retired.get(number) === true).catch(() => undefined);
  }
}

/** Sealed segments that had damage when they were replaced, if they are still where they were. */
async function keepDamaged(dir: DataDir, manifest: Manifest, names: readonly string[]): Promise<void> {
  const { damagedSealed, sealed } = manifest.files;
  for (const number of damagedSealed) {
    const { data } = dir.sealedPair(number);
    if (!sealed.has(number) && names.includes(path.basename(data)))
      await keepAside(dir, data).catch(() => undefined);
  }
}

async function removeOthers(
  folder: string,
  names: readonly string[],
  isTrusted: boolean,
  isKept: (number: number) => boolean,
): Promise<void> {
  for (const name of names) {
    const number = fileNumber(name);
    const isUnused = number === undefined ? name.endsWith('.tmp') : isTrusted && !isKept(number);
    if (isUnused) await rm(path.join(folder, name), { force: true });
  }
}
