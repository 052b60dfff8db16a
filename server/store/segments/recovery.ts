import { open, stat, unlink } from 'node:fs/promises';
import { systemCode } from '../../errors.ts';
import { syncDirectory } from '../../sync-directory.ts';
import { rewrite } from '../../write-at.ts';
import type { Damage } from '../event-store.ts';
import type { BatchIndex } from './batch-index.ts';
import { parseBatchSummary, type BatchSummary } from './batch-line.ts';
import { listSegments, type DataDir } from './data-dir.ts';
import type { Manifest } from './manifest.ts';
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
  readonly dropped: ReadonlyMap<number, readonly number[]>;
  readonly damage: readonly Damage[];
}

interface Found {
  readonly header: BatchSummary;
  readonly offset: number;
}

/**
 * Reads all segments in force into the index and the totals, and mends what a crash left behind.
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
  let active: ActiveSegment | undefined;
  let lastPosition = 0;
  for (const { number, firstPosition, length } of manifest.segments) {
    const path = dir.segment(number);
    const scan = await scanSegment(path, length);
    damage.push(...scan.damage);
    lastPosition = Math.max(lastPosition, firstPosition - 1, scan.lastPosition);
    const copies: Found[] = [];
    for (const line of scan.lines) {
      if (addToIndex(index, number, line)) totals.add(line.header.ledger, line.header.rejectedCount);
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
  return { active, lastNumber, lastPosition, dropped, damage };
}

/** Removes files that were made for a segment but never came into force; returns the highest number. */
async function removeUnused(dir: DataDir, manifest: Manifest, damage: Damage[]): Promise<number> {
  const inForce = new Set(manifest.segments.map((segment) => segment.number));
  const numbers = await listSegments(dir);
  for (const number of numbers) {
    if (inForce.has(number)) continue;
    const path = dir.segment(number);
    const { size } = await stat(path);
    if (size > 0 && inForce.size === 0) {
      throw new Error(`${dir.manifest} knows none of the segments beside it: restore it from a backup`);
    }
    // Nothing is written before the manifest says durably that the segment is in force, so a file with
    // contents belongs to a manifest that is not this one.
    if (size === 0) await unlink(path);
    else damage.push({ path, offset: 0, reason: 'the manifest does not know this segment' });
  }
  return Math.max(0, ...numbers, ...inForce);
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
function addToIndex(index: BatchIndex, segment: number, { header, offset }: Found): boolean {
  const { batch, parents } = header;
  if (index.get(batch) !== undefined) return false;
  index.set(batch, { segment, offset });
  for (const parent of parents ?? []) {
    if (index.get(parent) === undefined) index.set(parent, 'split');
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
