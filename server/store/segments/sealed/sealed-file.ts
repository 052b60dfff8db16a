import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { systemCode } from '../../../errors.ts';
import type { Damage } from '../../event-store.ts';
import type { FilePair } from '../batch-record.ts';
import { checksumText } from './block-list.ts';
import { isUnreadable } from '../../../disk-errors.ts';
import { compareToRange, rangesOf, type WantedClusters } from './find-clusters.ts';
import { IndexFile, readClusters } from './index-file.ts';
import { scanClusters } from './scan-clusters.ts';
import {
  compareClusters,
  namedCluster,
  UNKNOWN_CHECKSUM,
  type SealedBatches,
  type SealedBlock,
  type SealedCluster,
  type SealedIndexHeader,
} from './sealed-index.ts';

/** Lines that are read together. */
export interface ReadBlock {
  /** Where in the data file they begin. */
  readonly offset: number;
  /** Valid until the next block is read. */
  readonly bytes: Buffer;
  /** Whether the checksum says so; if not, any of its lines may be damaged. */
  readonly isWhole: boolean;
  /** Whether there is nothing to report of the block itself: it is whole, or was reported, or nobody knows. */
  readonly isReported: boolean;
  /** Number among the blocks asked for. */
  readonly number: number;
  /** Whether a batch of this position can be in the file, as far as the index says. */
  readonly mayHave: (position: number) => boolean;
}

type OnDamage = (damage: Damage) => void;

/** A sealed segment, open for reading: its index as far as it can be read, and blocks of the data. */
export class SealedFile {
  readonly #pair: FilePair;
  readonly #file: FileHandle;
  readonly #index: IndexFile | undefined;
  readonly #onDamage: OnDamage;
  readonly #mustRead: boolean;
  #batches: SealedBatches | null = null;
  #isEndReported = false;
  #isScanned = false;
  #buffer = Buffer.alloc(0);

  private constructor(
    pair: FilePair,
    file: FileHandle,
    index: IndexFile | undefined,
    onDamage: OnDamage,
    mustRead: boolean,
  ) {
    this.#mustRead = mustRead;
    this.#pair = pair;
    this.#file = file;
    this.#index = index;
    this.#onDamage = onDamage;
  }

  /**
   * @param options.mustRead - Whether data that the disk can't read is an error: for whoever would take the
   *   place of the segment. Otherwise it is reported and passed over.
   * @returns undefined, and reports it, if the data file is missing.
   */
  static async open(
    pair: FilePair,
    onDamage: OnDamage,
    options: { readonly mustRead: boolean } = { mustRead: false },
  ): Promise<SealedFile | undefined> {
    try {
      const file = await open(pair.data, 'r');
      try {
        return new SealedFile(pair, file, await IndexFile.open(pair.index), onDamage, options.mustRead);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      onDamage({ path: pair.data, offset: 0, reason: 'the file is missing' });
      return undefined;
    }
  }

  async close(): Promise<void> {
    try {
      await this.#index?.close();
    } finally {
      await this.#file.close();
    }
  }

  /** The index's first line; undefined if it can't be read. */
  get header(): SealedIndexHeader | undefined {
    return this.#index?.header;
  }

  /** Whether what `clusters` gave last was found in the data file, since the index does not say it. */
  get isScanned(): boolean {
    return this.#isScanned;
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  /** Where the lines about batches are; known when `clusters` has come to its end. */
  get batches(): SealedBatches | null {
    return this.#batches;
  }

  /** All clusters in their order; what the index does not say is looked for in the data file. */
  async *clusters(): AsyncGenerator<SealedCluster, void, undefined> {
    const { data, index } = this.#pair;
    let count = 0;
    let end = 0;
    let damagedAt = 0;
    const { header } = this;
    if (header !== undefined) {
      for await (const cluster of readClusters(index, (offset) => (damagedAt = offset))) {
        yield namedCluster(cluster, header.types);
        count++;
        end = cluster.offset + cluster.bytes;
      }
      if (count === header.clusters) {
        this.#batches = header.batches;
        return;
      }
    }
    this.#isScanned = true;
    const reason = 'the index is missing or damaged: the data file is read instead';
    this.#onDamage({ path: index, offset: damagedAt, reason, isHarmless: true });
    const onBatches = (batches: SealedBatches): void => {
      this.#batches = batches;
    };
    yield* scanClusters(data, end, onBatches, this.#onDamage);
  }

  /**
   * The clusters of a product that can have what lies in a range of time, in their order.
   *
   * Reads no more of the index than it takes to find them. Damage that it meets there is reported, and the rest is
   * found as `clusters` finds it; damage elsewhere in the index is not noticed.
   */
  async *clustersOf(wanted: WantedClusters): AsyncGenerator<SealedCluster, void, undefined> {
    const ranges = rangesOf(wanted);
    const found = this.#index === undefined ? undefined : yield* this.#index.find(ranges);
    if (found?.isWhole === true) return;
    for await (const cluster of this.clusters()) {
      const isNew = found?.last === undefined || compareClusters(cluster, found.last) > 0;
      if (isNew && ranges.some((range) => compareToRange(cluster, range) === 0)) yield cluster;
    }
  }

  /**
   * Reads blocks that follow one another.
   *
   * @param offset - Where the first of them begins.
   * @param isWanted - Which of them are to be read, by number.
   */
  async *blocks(
    offset: number,
    blocks: readonly SealedBlock[],
    isWanted: (number: number) => boolean = () => true,
  ): AsyncGenerator<ReadBlock, void, undefined> {
    const { firstPosition = -Infinity, lastPosition = Infinity } = this.header ?? {};
    const mayHave = (position: number): boolean => position >= firstPosition && position <= lastPosition;
    let at = offset;
    for (const [number, [length, checksum]] of blocks.entries()) {
      if (isWanted(number)) {
        const bytes = await this.#readable(at, length);
        const isCut = bytes.length < length;
        const isWhole = checksum !== UNKNOWN_CHECKSUM && checksumText(crc32(bytes)) === checksum;
        const isReported = isWhole || isCut || checksum === UNKNOWN_CHECKSUM;
        yield { offset: at, bytes, isWhole, isReported, number, mayHave };
      }
      at += length;
    }
  }

  /** Bytes of the data; where there are fewer, that is reported. */
  async #readable(offset: number, length: number): Promise<Buffer> {
    try {
      const bytes = await this.#read(offset, length);
      if (bytes.length < length) this.#reportEnd(offset + bytes.length);
      return bytes;
    } catch (error) {
      if (this.#mustRead || !isUnreadable(error)) throw error;
      this.#onDamage({ path: this.#pair.data, offset, reason: 'the disk can not read it' });
      return Buffer.alloc(0);
    }
  }

  #reportEnd(offset: number): void {
    if (this.#isEndReported) return;
    this.#isEndReported = true;
    this.#onDamage({ path: this.#pair.data, offset, reason: 'the file ends too early' });
  }

  /** As many of the bytes as there are. */
  async #read(offset: number, length: number): Promise<Buffer> {
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length);
    let held = 0;
    while (held < length) {
      const { bytesRead } = await this.#file.read(this.#buffer, held, length - held, offset + held);
      if (bytesRead === 0) break;
      held += bytesRead;
    }
    return this.#buffer.subarray(0, held);
  }
}
