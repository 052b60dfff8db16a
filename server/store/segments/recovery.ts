import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../../errors.ts';
import { syncDirectory } from '../../sync-directory.ts';
import { rewrite } from '../../write-at.ts';
import type { Damage } from '../event-store.ts';
import type { BatchIndex } from './ids/batch-index.ts';
import type { DataDir } from './data-dir.ts';
import type { IdFile } from './ids/id-file.ts';
import { IdFileError } from './ids/id-file-errors.ts';
import type { Manifest } from './manifest.ts';
import { openIdFiles } from './open-id-files.ts';
import { removeUnused, type LastNumbers } from './remove-unused.ts';
import { scanSegment, type FoundLine } from './scan-segment.ts';
import type { ActiveSegment } from './segment-writer.ts';
import type { RunningTotals } from './running-totals.ts';

/** What a store's files say, once what a crash left behind is mended. */
export interface Recovered {
  readonly active: ActiveSegment | undefined;
  readonly lastNumbers: LastNumbers;
  /** The highest position that may have been given out. */
  readonly lastPosition: number;
  /** When the newest batch that is not sealed was received; 0 if there is none. */
  readonly newestMs: number;
  /** By segment number, the offsets of lines that do not count: second copies of a batch. */
  readonly dropped: Map<number, readonly number[]>;
  /** The id files in force that can be read, by number. */
  readonly idFiles: Map<number, IdFile>;
  /** Numbers of the others in force. */
  readonly unreadableIds: Set<number>;
  readonly damage: readonly Damage[];
}

/**
 * Reads what is not sealed into the index and the totals, opens the id files, and mends what a crash left behind.
 *
 * The active segment's torn tail is cut: damage beyond the last length that a later line knows to be
 * durable. Any other damage is reported and passed over. None of it needs space on the disk.
 *
 * @throws Error in words for the operator if the folder can't be what it was.
 */
export async function recover(
  dir: DataDir,
  manifest: Manifest,
  index: BatchIndex,
  totals: RunningTotals,
): Promise<Recovered> {
  const damage = [...(await quarantined(dir)), ...manifest.damage];
  const dropped = new Map<number, readonly number[]>();
  const lastNumbers = await removeUnused(dir, manifest, damage);
  const idFiles = new Map<number, IdFile>();
  await openIdFiles(dir, manifest, idFiles, index, damage);
  const unreadableIds = new Set([...manifest.files.ids.keys()].filter((number) => !idFiles.has(number)));
  let active: ActiveSegment | undefined;
  let lastPosition = lastRecorded(manifest);
  let newestMs = 0;
  const sums = manifest.files.totals.value;
  totals.add(sums.ledger, sums.rejected);
  for (const { number, firstPosition, length } of manifest.files.segments.values()) {
    const file = dir.segment(number);
    const scan = await scanSegment(file, length);
    damage.push(...scan.damage);
    lastPosition = Math.max(lastPosition, firstPosition - 1, scan.lastPosition);
    const copies: FoundLine[] = [];
    for (const line of scan.lines) {
      newestMs = Math.max(newestMs, line.header.received);
      if (await addToIndex(index, number, line, damage))
        totals.add(line.header.ledger, line.header.rejectedCount);
      else copies.push(line);
    }
    if (copies.length > 0)
      dropped.set(
        number,
        copies.map(({ offset }) => offset),
      );
    if (length === undefined) {
      active = { number, length: scan.length, canContinue: scan.isThere };
      if (scan.isThere) await settleTail(file, scan.durable, scan.length);
    }
  }
  await syncDirectory(dir.segments);
  return { active, lastNumbers, lastPosition, newestMs, dropped, idFiles, unreadableIds, damage };
}

/** The highest position of which the manifest tells: no other batch may get it, though its log segment is lost. */
function lastRecorded({ files }: Manifest): number {
  const sealed = [...files.sealed.values()].map((entry) => entry.lastPosition);
  // What comes later is not theirs.
  const erased = [...files.erasures.values()].map(({ erasure }) => erasure.position);
  return Math.max(0, ...sealed, ...erased);
}

/** Files that were kept aside; whoever has dealt with one may remove it. */
export async function quarantined(dir: DataDir): Promise<Damage[]> {
  try {
    const names = await readdir(dir.quarantine);
    const reason = 'it had damage when it was sealed, and is kept aside';
    return names.map((name) => ({ path: path.join(dir.quarantine, name), offset: 0, reason }));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    return [{ path: dir.quarantine, offset: 0, reason: 'it can not be read' }];
  }
}

/** Whether the line counts: false for a second copy of a batch. */
async function addToIndex(
  index: BatchIndex,
  segment: number,
  { header, offset }: FoundLine,
  damage: Damage[],
): Promise<boolean> {
  const { batch, parents } = header;
  if (index.get(batch) !== undefined) return false;
  if (index.mayBeOlder(batch) && (await isOlder(index, batch, damage))) return false;
  index.recent.set(batch, { segment, offset });
  for (const parent of parents ?? []) {
    if (index.get(parent) === undefined) index.recent.setSplit(parent, segment);
  }
  return true;
}

/** Where an id file is damaged there is no telling; the line counts then, since a second copy is rare. */
async function isOlder(index: BatchIndex, batch: string, damage: Damage[]): Promise<boolean> {
  try {
    return (await index.findOlder(batch)) !== undefined;
  } catch (error) {
    if (!(error instanceof IdFileError)) throw error;
    damage.push({ path: error.path, offset: error.offset, reason: error.reason });
    return false;
  }
}

/**
 * Makes the active segment end where it counts, and all of it durable.
 *
 * What lies beyond the last known durable byte may be in the page cache alone, even as pages that the
 * kernel takes for clean, and a retry of its batches must not be acknowledged before it is on disk.
 */
async function settleTail(segment: string, durable: number, length: number): Promise<void> {
  const file = await open(segment, 'r+');
  try {
    await file.truncate(length);
    await rewrite(file, durable, length);
    await file.sync();
  } finally {
    await file.close();
  }
}
