import { hashKey, type HashSeed } from './keyed-hash.ts';

const BITS_A_KEY = 12;
/** The best number for 12 bits a key: 0.3 % of the ids that are not there seem to be. */
const HASHES = 8;
/** A hash of 32 bits reaches no further; beyond 350 million keys there are more false alarms. */
const MAX_BYTES = 2 ** 29;

/** What a filter is made of. */
export interface FilterParts {
  readonly seed: HashSeed;
  /** Bits that each key sets. */
  readonly hashes: number;
  /** Bit n is bit n % 8, counted from the lowest, of byte n / 8. */
  readonly bits: Uint8Array;
}

/**
 * A Bloom filter: says of an id that it is not there, or that it may be.
 *
 * Keyed with a seed of its own, since senders choose the ids: who could foresee the bits could send ids
 * that each cost a look into the file.
 */
export class IdFilter {
  readonly parts: FilterParts;
  readonly #bitCount: number;
  readonly #hash = new Uint32Array(2);

  constructor(parts: FilterParts) {
    this.parts = parts;
    this.#bitCount = parts.bits.length * 8;
  }

  /** An empty filter; with more keys than `expectedCount` there are more false alarms. */
  static create(expectedCount: number, seed: HashSeed): IdFilter {
    const bytes = Math.min(MAX_BYTES, Math.ceil((Math.max(expectedCount, 1) * BITS_A_KEY) / 8));
    return new IdFilter({ seed, hashes: HASHES, bits: new Uint8Array(bytes) });
  }

  add(key: Uint32Array): void {
    const { bits, seed, hashes } = this.parts;
    hashKey(seed, key, 0, this.#hash);
    let word = this.#hash[0] ?? 0;
    let step = this.#hash[1] ?? 0;
    for (let n = 1; n <= hashes; n++) {
      const bit = this.#bitOf(word);
      bits[bit >>> 3] = (bits[bit >>> 3] ?? 0) | (1 << (bit & 7));
      word = (word + step) | 0;
      step = (step + n) | 0;
    }
  }

  mayHave(key: Uint32Array): boolean {
    const { bits, seed, hashes } = this.parts;
    hashKey(seed, key, 0, this.#hash);
    let word = this.#hash[0] ?? 0;
    let step = this.#hash[1] ?? 0;
    for (let n = 1; n <= hashes; n++) {
      const bit = this.#bitOf(word);
      if (((bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
      word = (word + step) | 0;
      step = (step + n) | 0;
    }
    return true;
  }

  /** Enhanced double hashing: a key's n-th word of hash, of 32 bits, gives its n-th bit. */
  #bitOf(word: number): number {
    return Math.floor(((word >>> 0) * this.#bitCount) / 2 ** 32);
  }
}
