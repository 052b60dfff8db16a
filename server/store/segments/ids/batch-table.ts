import { KEY_WORDS, parseKey } from './batch-key.ts';
import { hashKey, randomSeed } from './keyed-hash.ts';
import { TablePartition, type KeyHash } from './table-partition.ts';

/** Where a batch's line is: the number of its segment, and the line's first byte in it. */
export interface LineLocation {
  readonly segment: number;
  readonly offset: number;
}

const PARTITION_BITS = 11;
/** In the place of an offset: the batch was split and is itself never stored. */
const SPLIT = 0xffffffff;
const MAX_SEGMENT = 2 ** 31;
/** What a removal looks at before others get their turn: some 50 microseconds. */
const SLOTS_A_TURN = 4096;

/**
 * Where the lines of recent batches are: of those whose segment is still a log.
 *
 * Whole 128-bit ids: a table of fingerprints could take one batch for another and so lose it. It
 * consists of many small tables that grow each by itself, so that no insert copies more than some
 * thousand entries, with ten millions in it too.
 */
export class BatchTable {
  readonly #partitions = Array.from({ length: 1 << PARTITION_BITS }, () => new TablePartition());
  readonly #seed = randomSeed();
  readonly #key = new Uint32Array(KEY_WORDS);
  readonly #hashWords = new Uint32Array(2);
  readonly #hashOf: KeyHash = (words, at) => {
    hashKey(this.#seed, words, at, this.#hashWords);
    return this.#hashWords[0] ?? 0;
  };
  #removal: Promise<void> = Promise.resolve();

  get count(): number {
    return this.#partitions.reduce((sum, { count }) => sum + count, 0);
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    return this.#partitions.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** @param id - A UUID in lower case. */
  get(id: string): LineLocation | 'split' | undefined {
    parseKey(id, this.#key);
    const hash = this.#hashOf(this.#key, 0);
    const partition = this.#partition(hash);
    const at = partition.find(this.#key, hash);
    const segment = partition.segment(at);
    if (segment === 0) return undefined;
    const offset = partition.offset(at);
    return offset === SPLIT ? 'split' : { segment, offset };
  }

  /** Takes the place of what was known of the id. */
  set(id: string, { segment, offset }: LineLocation): void {
    if (!(offset >= 0 && offset < SPLIT)) throw new RangeError(`no line can begin at byte ${offset}`);
    this.#put(id, segment, offset);
  }

  /**
   * Notes that a batch was split; takes the place of what was known of the id.
   *
   * @param segment - The log segment whose line says so.
   */
  setSplit(id: string, segment: number): void {
    this.#put(id, segment, SPLIT);
  }

  /**
   * Drops all entries of a segment, a little in each turn of the event loop; removals take turns.
   *
   * Other calls may come in between. Entries that are set for this very segment meanwhile may stay.
   */
  removeSegment(segment: number): Promise<void> {
    this.#removal = this.#removal.then(() => this.#remove(segment));
    return this.#removal;
  }

  async #remove(segment: number): Promise<void> {
    let slots = 0;
    for (const partition of this.#partitions) {
      slots += partition.slotCount;
      partition.removeSegment(segment, this.#hashOf);
      if (slots < SLOTS_A_TURN) continue;
      slots = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #put(id: string, segment: number, offset: number): void {
    if (!(segment >= 1 && segment <= MAX_SEGMENT)) throw new RangeError(`no segment has number ${segment}`);
    parseKey(id, this.#key);
    const hash = this.#hashOf(this.#key, 0);
    this.#partition(hash).set(this.#key, hash, segment, offset, this.#hashOf);
  }

  /** By the highest bits; the place within a partition is by the lowest. */
  #partition(hash: number): TablePartition {
    const partition = this.#partitions[hash >>> (32 - PARTITION_BITS)];
    if (partition === undefined) throw new Error('a hash has 32 bits');
    return partition;
  }
}
