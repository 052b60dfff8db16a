import { open, stat } from 'node:fs/promises';
import { systemCode } from '../../errors.ts';
import { syncDirectory } from '../../sync-directory.ts';
import { rewrite } from '../../write-at.ts';
import type { Damage } from '../event-store.ts';
import type { BatchIndex } from './batch-index.ts';
import { parseBatchSummary, type BatchSummary } from './batch-line.ts';
import type { DataDir } from './data-dir.ts';
import { IdFile } from './id-file.ts';
import { rebuildIdIndex } from './id-index.ts';
import type { Manifest } from './manifest.ts';
import { removeUnused } from './remove-unused.ts';
import { readLines } from './segment-lines.ts';
import type { ActiveSegment } from './segment-writer.ts';
import type { RunningTotals } from './running-totals.ts';

/** What a store's files say, once what a crash left behind is mended. */
export interface Recovered {
  readonly active: ActiveSegment | undefined;
  readonly lastNumber: number;
  /** The highest position that may have been given out. */
  readonly lastPosition: number;
  /** By segment number, the offsets of lines that do not count: second copies of a batch. */
  readonly dropped: Map<number, readonly number[]>;
  /** The id files in force that can be read, by number. */
  readonly idFiles: Map<number, IdFile>;
  readonly damage: readonly Damage[];
}

interface Found {
  readonly header: BatchSummary;
  readonly offset: number;
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
  const damage: Damage[] = [];
  const dropped = new Map<number, readonly number[]>();
  const lastNumber = await removeUnused(dir, manifest, damage);
  const idFiles = await openIdFiles(dir, manifest, damage);
  for (const file of idFiles.values()) index.addFile(file);
  let active: ActiveSegment | undefined;
  let lastPosition = 0;
  for (const sealed of manifest.sealed) {
    lastPosition = Math.max(lastPosition, sealed.lastPosition);
    totals.add(sealed.ledger, sealed.rejected);
  }
  for (const { number, firstPosition, length } of manifest.segments) {
    const path = dir.segment(number);
    const scan = await scanSegment(path, length);
    damage.push(...scan.damage);
    lastPosition = Math.max(lastPosition, firstPosition - 1, scan.lastPosition);
    const copies: Found[] = [];
    for (const line of scan.lines) {
      if (await addToIndex(index, number, line)) totals.add(line.header.ledger, line.header.rejectedCount);
      else copies.push(line);
    }
    if (copies.length > 0)
      dropped.set(
        number,
        copies.map(({ offset }) => offset),
      );
    if (length === undefined) {
      active = { number, length: scan.length, canContinue: scan.isThere };
      if (scan.isThere) await settleTail(path, scan.durable, scan.length);
    }
  }
  await syncDirectory(dir.segments);
  return { active, lastNumber, lastPosition, dropped, idFiles, damage };
}

/** Opens the id files in force; what of them is derived is made again where it is missing. */
async function openIdFiles(dir: DataDir, manifest: Manifest, damage: Damage[]): Promise<Map<number, IdFile>> {
  const opened = new Map<number, IdFile>();
  for (const { number } of manifest.ids) {
    const pair = dir.idPair(number);
    try {
      opened.set(number, await openIdFile(pair));
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'it can not be read';
      damage.push({ path: pair.data, offset: 0, reason });
    }
  }
  return opened;
}

interface Scan {
  readonly isThere: boolean;
  readonly lines: readonly Found[];
  /** Bytes that are durable for certain. */
  readonly durable: number;
  /** Bytes that count. */
  readonly length: number;
  readonly lastPosition: number;
  readonly damage: readonly Damage[];
}

async function scanSegment(path: string, closedLength: number | undefined): Promise<Scan> {
  const size = await fileSize(path);
  if (size === undefined) {
    const length = closedLength ?? 0;
    const damage = [{ path, offset: 0, reason: 'the file is missing' }];
    return { isThere: false, lines: [], durable: length, length, lastPosition: 0, damage };
  }
  const lines: Found[] = [];
  const damagedAt: number[] = [];
  let durable = closedLength ?? 0;
  let lastPosition = 0;
  for await (const chunk of readLines(path, Math.min(size, closedLength ?? size))) {
    for (const { bytes, offset, isEnded } of chunk) {
      const header = isEnded ? parseBatchSummary(bytes) : undefined;
      if (header === undefined) {
        damagedAt.push(offset);
        // A torn line may have had a position too, which is then not given out again.
        lastPosition++;
        continue;
      }
      durable = Math.max(durable, header.durable ?? 0);
      lastPosition = Math.max(lastPosition, header.position);
      lines.push({ header, offset });
    }
  }
  const tornAt = closedLength === undefined ? damagedAt.find((offset) => offset >= durable) : undefined;
  const length = closedLength ?? tornAt ?? size;
  const damage = damagedAt
    .filter((offset) => offset < length)
    .map((offset) => ({ path, offset, reason: 'the line is damaged' }));
  if (size < length) damage.push({ path, offset: size, reason: 'the file ends too early' });
  const inForce = lines.filter((line) => line.offset < length);
  return { isThere: true, lines: inForce, durable, length, lastPosition, damage };
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the line counts: false for a second copy of a batch. */
async function addToIndex(index: BatchIndex, segment: number, { header, offset }: Found): Promise<boolean> {
  const { batch, parents } = header;
  if (index.get(batch) !== undefined) return false;
  if (index.mayBeOlder(batch) && (await index.findOlder(batch)) !== undefined) return false;
  index.recent.set(batch, { segment, offset });
  for (const parent of parents ?? []) {
    if (index.get(parent) === undefined) index.recent.setSplit(parent, segment);
  }
  return true;
}

/**
 * Makes the active segment end where it counts, and all of it durable.
 *
 * What lies beyond the last known durable byte may be in the page cache alone, even as pages that the
 * kernel takes for clean, and a retry of its batches must not be acknowledged before it is on disk.
 */
async function settleTail(path: string, durable: number, length: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(length);
    await rewrite(file, durable, length);
    await file.sync();
  } finally {
    await file.close();
  }
}
