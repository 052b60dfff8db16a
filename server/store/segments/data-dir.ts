import path from 'node:path';
import type { FilePair } from './batch-record.ts';
import { makeFolder, syncDirectory } from '../../sync-directory.ts';

const FILE_NAME = /^(\d{8,})(?:\.index)?\.jsonl$/;

/** Every path of the embedded engine. */
export interface DataDir {
  readonly root: string;
  readonly lock: string;
  readonly manifest: string;
  readonly manifestCopy: string;
  readonly segments: string;
  /** Folder of the sealed segments. */
  readonly sealed: string;
  /** Folder of the id files. */
  readonly ids: string;
  /** Folder of damaged files that are no longer in force; made when it is needed. */
  readonly quarantine: string;
  segment(number: number): string;
  sealedPair(number: number): FilePair;
  idPair(number: number): FilePair;
}

/** The paths of a store in a folder; makes nothing. */
export function dataDir(root: string): DataDir {
  const absolute = path.resolve(root);
  const inRoot = (name: string): string => path.join(absolute, name);
  const [segments, sealed, ids] = [inRoot('segments'), inRoot('sealed'), inRoot('ids')];
  return {
    root: absolute,
    lock: inRoot('store.lock'),
    manifest: inRoot('manifest.jsonl'),
    manifestCopy: inRoot('manifest-copy.jsonl'),
    segments,
    sealed,
    ids,
    quarantine: inRoot('quarantine'),
    segment: (number) => path.join(segments, fileName(number)),
    sealedPair: (number) => filePair(sealed, number),
    idPair: (number) => filePair(ids, number),
  };
}

/** Makes the folders, readable by their owner alone, and makes their names durable. */
export async function openDataDir(root: string): Promise<DataDir> {
  const dir = dataDir(root);
  for (const folder of [dir.segments, dir.sealed, dir.ids]) await makeFolder(folder);
  await syncDirectory(path.dirname(dir.root));
  return dir;
}

function filePair(folder: string, number: number): FilePair {
  return {
    data: path.join(folder, fileName(number)),
    index: path.join(folder, `${digits(number)}.index.jsonl`),
  };
}

/** The name of a log segment, or of the data of a sealed segment or an id file. */
export function fileName(number: number): string {
  return `${digits(number)}.jsonl`;
}

function digits(number: number): string {
  return String(number).padStart(8, '0');
}

/** The number in the name of a file of the store, or undefined if it is none. */
export function fileNumber(name: string): number | undefined {
  const found = FILE_NAME.exec(name)?.[1];
  return found === undefined ? undefined : Number(found);
}
