import type { Damage } from '../../event-store.ts';
import { hasVersion, WRONG_VERSION } from '../checked-line.ts';
import { BlockList } from './block-list.ts';
import { parseDay, STRAY, utcDay } from './sealed-day.ts';
import {
  isClusterName,
  isKind,
  nameOf,
  parseLine,
  UNKNOWN_CHECKSUM,
  type ClusterName,
  type SealedBatches,
  type SealedCluster,
} from './sealed-index.ts';
import { isRowOf } from './row-codes.ts';
import { batchPosition, readRow, rowTimestamp } from './sealed-row.ts';
import { MAX_TYPES } from './sealed-writer.ts';
import { readLines, type SegmentLine } from '../segment-lines.ts';

/**
 * What a sealed segment's index would say of the data file from a place on, found in the file itself.
 *
 * Behind a damaged line nobody can tell whose rows follow, since it may have begun another cluster:
 * they are left out, up to the next line that says so.
 *
 * @param start - Where a line begins.
 * @param onBatches - Told where the lines about batches are, if there are any.
 */
export async function* scanClusters(
  path: string,
  start: number,
  onBatches: (batches: SealedBatches) => void,
  onDamage: (damage: Damage) => void,
): AsyncGenerator<SealedCluster, void, undefined> {
  let cluster: ScannedCluster | undefined;
  let batches: ScannedBatches | undefined;
  let isLost = false;
  for await (const lines of readLines(path, Infinity, { start })) {
    for (const line of lines) {
      if (batches !== undefined) {
        batches.add(line);
        continue;
      }
      if (cluster?.add(line) === true) continue;
      if (cluster !== undefined && cluster.rows > 0) yield cluster.end();
      const { bytes, offset, isEnded } = line;
      const value = isEnded ? parseLine(bytes) : undefined;
      const next = offset + bytes.length + 1;
      cluster = isClusterName(value) ? new ScannedCluster(value, next) : undefined;
      if (isKind(value, 'batches')) batches = new ScannedBatches(next);
      const isKnown = value !== undefined;
      if (!isKnown && !isLost)
        onDamage({ path, offset, reason: 'the line is damaged, and with it whose the rows behind it are' });
      else if (isKnown && !hasVersion(bytes))
        onDamage({ path, offset, reason: WRONG_VERSION, isHarmless: true });
      isLost = !isKnown;
    }
  }
  if (cluster !== undefined && cluster.rows > 0) yield cluster.end();
  if (batches !== undefined) onBatches(batches.end());
}

class ScannedCluster {
  readonly #name: ClusterName;
  readonly #day: number;
  readonly #offset: number;
  /** Undefined once there are more than an index would name. */
  #types: Map<string, number> | undefined = new Map();
  readonly #blocks = new BlockList(rowTimestamp);
  #bytes = 0;
  #from = Infinity;
  #to = -Infinity;
  rows = 0;

  constructor(name: ClusterName, offset: number) {
    this.#name = nameOf(name);
    this.#day = parseDay(name.day);
    this.#offset = offset;
  }

  /** Adds a line if it is a row of this cluster; returns whether it is. */
  add({ bytes, isEnded }: SegmentLine): boolean {
    const row = isEnded ? readRow(bytes) : undefined;
    if (row === undefined || !isRowOf(row, this.#name)) return false;
    const [timestamp, type] = row;
    if (this.#day !== STRAY && utcDay(timestamp) !== this.#day) return false;
    this.#blocks.add(withNewline(bytes));
    this.#bytes += bytes.length + 1;
    this.#from = Math.min(this.#from, timestamp);
    this.#to = Math.max(this.#to, timestamp);
    this.#types?.set(type, (this.#types.get(type) ?? 0) + 1);
    if ((this.#types?.size ?? 0) > MAX_TYPES) this.#types = undefined;
    this.rows++;
    return true;
  }

  end(): SealedCluster {
    return {
      ...this.#name,
      offset: this.#offset,
      bytes: this.#bytes,
      rows: this.rows,
      from: this.#from,
      to: this.#to,
      types: this.#types === undefined ? null : Object.fromEntries(this.#types),
      blocks: this.#blocks.end(),
    };
  }
}

class ScannedBatches {
  readonly #offset: number;
  readonly #blocks = new BlockList(batchPosition);
  #bytes = 0;

  constructor(offset: number) {
    this.#offset = offset;
  }

  add({ bytes, isEnded }: SegmentLine): void {
    const line = isEnded ? withNewline(bytes) : bytes;
    this.#blocks.add(line);
    this.#bytes += line.length;
  }

  /** Whoever reads the lines has to look at each: none of them was. */
  end(): SealedBatches {
    const blocks = this.#blocks.end().map(([bytes, , first]) => [bytes, UNKNOWN_CHECKSUM, first] as const);
    return { offset: this.#offset, bytes: this.#bytes, blocks };
  }
}

/** @param bytes - Of a line that a newline ends. */
function withNewline(bytes: Buffer): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length + 1);
}
