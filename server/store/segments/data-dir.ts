import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder, syncDirectory } from '../../sync-directory.ts';

const SEGMENT_NAME = /^(\d{8})\.jsonl$/;

/** Every path of the embedded engine. */
export interface DataDir {
  readonly root: string;
  readonly lock: string;
  readonly manifest: string;
  readonly segments: string;
  segment(number: number): string;
}

/** Makes the folders, readable by their owner alone, and makes their names durable. */
export async function openDataDir(root: string): Promise<DataDir> {
  const absolute = path.resolve(root);
  const segments = path.join(absolute, 'segments');
  await makeFolder(segments);
  await syncDirectory(path.dirname(absolute));
  return {
    root: absolute,
    lock: path.join(absolute, 'store.lock'),
    manifest: path.join(absolute, 'manifest.jsonl'),
    segments,
    segment: (number) => path.join(segments, `${String(number).padStart(8, '0')}.jsonl`),
  };
}

/** The numbers of all segment files that exist, in force or not, in order. */
export async function listSegments(dir: DataDir): Promise<readonly number[]> {
  const names = await readdir(dir.segments);
  return names
    .map((name) => SEGMENT_NAME.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .toSorted((a, b) => a - b);
}
