/** A block of an id file: whole lines, about 4 KiB. */
export interface IdBlock {
  readonly offset: number;
  /** CRC-32 of its bytes. */
  readonly checksum: number;
}

/** Bytes of a block's record: 8 of its first id, 6 of offset, 4 of checksum; the highest byte first. */
export const RECORD_BYTES = 18;
const OFFSET_AT = 8;
const CHECKSUM_AT = 14;
const INITIAL_RECORDS = 64;

/**
 * The blocks of an id file in its order, 18 bytes each.
 *
 * Of a block's first id it has the first 64 bits. Senders choose the ids, so any number of blocks can
 * begin with the same.
 */
export class BlockList {
  #records: Buffer;
  #count: number;

  /** @param records - Whole records, one behind the other. */
  constructor(records: Buffer = Buffer.alloc(0)) {
    this.#records = records;
    this.#count = records.length / RECORD_BYTES;
  }

  get count(): number {
    return this.#count;
  }

  get records(): Buffer {
    return this.#records.subarray(0, this.#count * RECORD_BYTES);
  }

  /** @param key - Of the block's first id; not below that of the block before. */
  add(key: Uint32Array, { offset, checksum }: IdBlock): void {
    const at = this.#count * RECORD_BYTES;
    if (at === this.#records.length) this.#grow();
    this.#records.writeUInt32BE(key[0] ?? 0, at);
    this.#records.writeUInt32BE(key[1] ?? 0, at + 4);
    this.#records.writeUIntBE(offset, at + OFFSET_AT, 6);
    this.#records.writeUInt32BE(checksum, at + CHECKSUM_AT);
    this.#count++;
  }

  get(index: number): IdBlock {
    const at = index * RECORD_BYTES;
    return {
      offset: this.#records.readUIntBE(at + OFFSET_AT, 6),
      checksum: this.#records.readUInt32BE(at + CHECKSUM_AT),
    };
  }

  /** How many blocks begin with an id whose first 64 bits are below those of the key, or equal. */
  countUpTo(key: Uint32Array, withEqual: boolean): number {
    const high = key[0] ?? 0;
    const low = key[1] ?? 0;
    let from = 0;
    let to = this.#count;
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      const at = middle * RECORD_BYTES;
      const order = this.#records.readUInt32BE(at) - high || this.#records.readUInt32BE(at + 4) - low;
      if (order < 0 || (withEqual && order === 0)) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #grow(): void {
    const larger = Buffer.alloc(Math.max(this.#records.length * 2, INITIAL_RECORDS * RECORD_BYTES));
    this.#records.copy(larger);
    this.#records = larger;
  }
}
