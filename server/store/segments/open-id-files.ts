import path from 'node:path';
import { syncDirectory } from '../../sync-directory.ts';
import type { Damage } from '../event-store.ts';
import type { FilePair } from './batch-record.ts';
import type { DataDir } from './data-dir.ts';
import type { BatchIndex } from './ids/batch-index.ts';
import { IdFile } from './ids/id-file.ts';
import { IdIndexError } from './ids/id-file-errors.ts';
import { rebuildIdIndex } from './ids/rebuild-id-index.ts';
import type { Manifest } from './manifest.ts';
import type { IdsEntry } from './manifest-records.ts';

/**
 * Opens the id files in force that are not open yet; what of them is derived is made again where it is missing.
 *
 * @param opened - By number; gets the new ones, at the same moment as `index`.
 * @param damage - Gets what can't be opened.
 */
export async function openIdFiles(
  dir: DataDir,
  manifest: Manifest,
  opened: Map<number, IdFile>,
  index: BatchIndex,
  damage: Damage[],
): Promise<void> {
  for (const entry of manifest.files.ids.values()) {
    if (opened.has(entry.number)) continue;
    const pair = dir.idPair(entry.number);
    try {
      const file = await openIdFile(pair, entry);
      opened.set(entry.number, file);
      index.addFile(file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'it can not be read';
      damage.push({ path: pair.data, offset: 0, reason });
    }
  }
}

async function openIdFile(pair: FilePair, { count, bytes }: IdsEntry): Promise<IdFile> {
  let file: IdFile;
  try {
    file = await IdFile.open(pair);
  } catch (error) {
    if (!(error instanceof IdIndexError)) throw error;
    const { dataBytes } = await rebuildIdIndex(pair);
    await syncDirectory(path.dirname(pair.index));
    if (dataBytes !== bytes)
      throw new Error(`it has ${dataBytes} bytes, and the manifest says ${bytes}`, { cause: error });
    file = await IdFile.open(pair);
  }
  if (file.count === count) return file;
  await file.close();
  throw new Error(`it has ${file.count} ids, and the manifest says ${count}`);
}
