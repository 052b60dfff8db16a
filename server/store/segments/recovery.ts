import { open, stat, truncate, unlink } from 'node:fs/promises';
import { syncDirectory } from '../../sync-directory.ts';
import type { Damage } from '../event-store.ts';
import type { BatchIndex } from './batch-index.ts';
import { parseBatchHeader, type BatchHeader } from './batch-line.ts';
import { listSegments, type DataDir } from './data-dir.ts';
import type { Manifest, ManifestSegment } from './manifest.ts';
import { readLines } from './segment-lines.ts';
import type { ActiveSegment } from './segment-writer.ts';

/** What a store's files say, once what a crash left behind is mended. */
export interface Recovered {
  readonly active: ActiveSegment | undefined;
  readonly lastNumber: number;
  /** The highest position that may have been given out. */
  readonly lastPosition: number;
  readonly damage: readonly Damage[];
}

interface Found {
  readonly header: BatchHeader;
  readonly offset: number;
}

/**
 * Reads all segments in force into the index, and mends what a crash left behind.
 *
 * The active segment's torn tail is cut: damage beyond the last length that a later line knows to be
 * durable. Any other damage is reported and passed over. Second copies of a batch are dropped by a
 * record in the manifest.
 */
export async function recover(dir: DataDir, manifest: Manifest, index: BatchIndex): Promise<Recovered> {
  const damage: Damage[] = [];
  const lastNumber = await removeUnused(dir, manifest, damage);
  let active: ActiveSegment | undefined;
  let lastPosition = 0;
  for (const segment of manifest.segments) {
    lastPosition = Math.max(lastPosition, segment.firstPosition - 1);
    const path = dir.segment(segment.number);
    const scan = await scanSegment(path, segment.length);
    damage.push(...scan.damage);
    lastPosition = Math.max(lastPosition, scan.lastPosition);
    for (const found of scan.lines) await addToIndex(index, manifest, segment, found);
    if (segment.length === undefined) {
      active = { number: segment.number, length: scan.length, canContinue: scan.canContinue };
      if (scan.canContinue) await cutTail(path, scan.length, manifest, segment.number);
    }
  }
  await syncDirectory(dir.segments);
  return { active, lastNumber, lastPosition, damage };
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
    // Nothing is written before the manifest says so: a file with contents is not of our making.
    if (size === 0) await unlink(path);
    else damage.push({ path, offset: 0, reason: 'the manifest does not know this segment' });
  }
  return Math.max(0, ...numbers, ...inForce);
}

interface Scan {
  readonly lines: readonly Found[];
  /** Bytes that count. */
  readonly length: number;
  readonly lastPosition: number;
  readonly damage: readonly Damage[];
  /** Whether lines may be appended at `length`. */
  readonly canContinue: boolean;
}

async function scanSegment(path: string, closedLength: number | undefined): Promise<Scan> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => undefined,
  );
  if (size === undefined) {
    const damage = [{ path, offset: 0, reason: 'the file is missing' }];
    return { lines: [], length: closedLength ?? 0, lastPosition: 0, damage, canContinue: false };
  }
  const lines: Found[] = [];
  const damagedAt: number[] = [];
  let durable = closedLength ?? 0;
  let lastPosition = 0;
  for await (const chunk of readLines(path, Math.min(size, closedLength ?? size))) {
    for (const { bytes, offset, isEnded } of chunk) {
      const header = isEnded ? parseBatchHeader(bytes) : undefined;
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
  const isShort = size < Math.max(durable, length);
  if (isShort) damage.push({ path, offset: size, reason: 'the file ends before its last durable byte' });
  const inForce = lines.filter((line) => line.offset < length);
  return { lines: inForce, length, lastPosition, damage, canContinue: !isShort };
}

async function addToIndex(
  index: BatchIndex,
  manifest: Manifest,
  segment: ManifestSegment,
  { header, offset }: Found,
): Promise<void> {
  if (segment.dropped.includes(offset)) return;
  const { batch, parents } = header;
  if (index.get(batch) !== undefined) {
    await manifest.append({ op: 'drop', segment: segment.number, offset });
    return;
  }
  index.set(batch, { segment: segment.number, offset });
  for (const parent of parents ?? []) {
    if (index.get(parent) === undefined) index.set(parent, 'split');
  }
}

/**
 * Makes the active segment end where it counts, durably.
 *
 * It is flushed even if nothing is cut: a killed process may have left lines that can be read but
 * are not on disk, and a retry of their batch must not be acknowledged before they are.
 */
async function cutTail(path: string, length: number, manifest: Manifest, segment: number): Promise<void> {
  const { size } = await stat(path);
  if (size > length) {
    await manifest.append({ op: 'cut', segment, length });
    await truncate(path, length);
  }
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
