import { stat } from 'node:fs/promises';
import { systemCode } from '../../errors.ts';
import type { Damage } from '../event-store.ts';
import { parseBatchSummary, type BatchSummary } from './batch-line.ts';
import { checkedFields, hasVersion, WRONG_VERSION } from './checked-line.ts';
import { readLines } from './segment-lines.ts';

export interface FoundLine {
  readonly header: BatchSummary;
  readonly offset: number;
}

/** What a log segment says. */
export interface SegmentScan {
  readonly isThere: boolean;
  readonly lines: readonly FoundLine[];
  /** Bytes that are durable for certain. */
  readonly durable: number;
  /** Bytes that count. */
  readonly length: number;
  readonly lastPosition: number;
  readonly damage: readonly Damage[];
}

interface DamagedLine {
  readonly offset: number;
  /** Whether a write that was interrupted may have left it so: not if its checksum is right. */
  readonly isTorn: boolean;
  readonly reason: string;
}

/**
 * Reads a log segment through, checking every line.
 *
 * @param closedLength - Bytes that count; undefined for the active one, whose torn tail does not.
 */
export async function scanSegment(path: string, closedLength: number | undefined): Promise<SegmentScan> {
  const size = await fileSize(path);
  if (size === undefined) {
    const length = closedLength ?? 0;
    const damage = [{ path, offset: 0, reason: 'the file is missing' }];
    return { isThere: false, lines: [], durable: length, length, lastPosition: 0, damage };
  }
  const lines: FoundLine[] = [];
  const damaged: DamagedLine[] = [];
  let durable = closedLength ?? 0;
  let lastPosition = 0;
  for await (const chunk of readLines(path, Math.min(size, closedLength ?? size))) {
    for (const { bytes, offset, isEnded } of chunk) {
      const header = isEnded ? parseBatchSummary(bytes) : undefined;
      if (header === undefined) {
        const isTorn = !isEnded || checkedFields(bytes) === undefined;
        damaged.push({ offset, isTorn, reason: 'the line is damaged' });
        // A torn line may have had a position too, which is then not given out again.
        lastPosition++;
        continue;
      }
      durable = Math.max(durable, header.durable ?? 0);
      lastPosition = Math.max(lastPosition, header.position);
      lines.push({ header, offset });
      if (!hasVersion(bytes)) damaged.push({ offset, isTorn: false, reason: WRONG_VERSION });
    }
  }
  const torn = damaged.find(({ offset, isTorn }) => isTorn && offset >= durable);
  const length = closedLength ?? torn?.offset ?? size;
  const damage = damaged
    .filter(({ offset }) => offset < length)
    .map(({ offset, reason }) => ({ path, offset, reason }));
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
