const CAPACITY = 256;

/** What is known of a block of a sealed segment. */
export interface BlockInfo {
  /** Where in the data file it begins. */
  readonly offset: number;
  readonly bytes: number;
  /** CRC-32. */
  readonly checksum: number;
  /** The first row's timestamp. */
  readonly first: number;
  /** No row of it is later. */
  readonly last: number;
  /** Whether rows may be of types that are not wanted. */
  readonly hasOtherTypes: boolean;
}

/** Blocks by number, in little memory: of a large store there are many. */
export class BlockTable {
  count = 0;
  #offsets = new Float64Array(CAPACITY);
  #firsts = new Float64Array(CAPACITY);
  #lasts = new Float64Array(CAPACITY);
  #bytes = new Uint32Array(CAPACITY);
  #checksums = new Uint32Array(CAPACITY);
  #hasOtherTypes = new Uint8Array(CAPACITY);

  add({ offset, bytes, checksum, first, last, hasOtherTypes }: BlockInfo): void {
    if (this.count === this.#offsets.length) this.#grow();
    const at = this.count++;
    this.#offsets[at] = offset;
    this.#firsts[at] = first;
    this.#lasts[at] = last;
    this.#bytes[at] = bytes;
    this.#checksums[at] = checksum;
    this.#hasOtherTypes[at] = Number(hasOtherTypes);
  }

  /** @throws RangeError if there is no such block. */
  at(number: number): BlockInfo {
    if (number >= this.count) throw new RangeError('there is no such block');
    return {
      offset: this.#offsets[number] ?? 0,
      bytes: this.#bytes[number] ?? 0,
      checksum: this.#checksums[number] ?? 0,
      first: this.#firsts[number] ?? 0,
      last: this.#lasts[number] ?? 0,
      hasOtherTypes: this.#hasOtherTypes[number] === 1,
    };
  }

  #grow(): void {
    const capacity = this.count * 2;
    this.#offsets = grown(this.#offsets, new Float64Array(capacity));
    this.#firsts = grown(this.#firsts, new Float64Array(capacity));
    this.#lasts = grown(this.#lasts, new Float64Array(capacity));
    this.#bytes = grown(this.#bytes, new Uint32Array(capacity));
    this.#checksums = grown(this.#checksums, new Uint32Array(capacity));
    this.#hasOtherTypes = grown(this.#hasOtherTypes, new Uint8Array(capacity));
  }
}

function grown<Numbers extends Float64Array | Uint32Array | Uint8Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
