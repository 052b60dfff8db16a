import { randomInt } from 'node:crypto';

/** Where a batch's line is: the number of its segment, and the line's first byte in it. */
export interface LineLocation {
  readonly segment: number;
  readonly offset: number;
}

const KEY_WORDS = 4;
const VALUE_WORDS = 2;
const INITIAL_SLOTS = 1 << 14;
const MAX_LOAD = 0.6;
const EMPTY = 0;
/** In the place of a segment's number: the batch was split and is itself never stored. */
const SPLIT = 0xffffffff;

/**
 * Which batches are stored, and where: every id there has ever been.
 *
 * Open addressing over whole 128-bit ids, 24 bytes a slot: a table of fingerprints could take one
 * batch for another and so lose it. It lives in memory and is rebuilt from the segments at start.
 */
export class BatchIndex {
  #keys = new Uint32Array(INITIAL_SLOTS * KEY_WORDS);
  #values = new Uint32Array(INITIAL_SLOTS * VALUE_WORDS);
  #slots = INITIAL_SLOTS;
  #count = 0;
  readonly #seed = randomInt(2 ** 32);

  /** @param id - A UUID in lower case. */
  get(id: string): LineLocation | 'split' | undefined {
    const slot = this.#find(parseKey(id));
    const segment = this.#values[slot * VALUE_WORDS] ?? EMPTY;
    if (segment === EMPTY) return undefined;
    if (segment === SPLIT) return 'split';
    return { segment, offset: this.#values[slot * VALUE_WORDS + 1] ?? 0 };
  }

  set(id: string, value: LineLocation | 'split'): void {
    if (this.#count + 1 > this.#slots * MAX_LOAD) this.#grow();
    const key = parseKey(id);
    const slot = this.#find(key);
    if (this.#values[slot * VALUE_WORDS] === EMPTY) this.#count++;
    this.#keys.set(key, slot * KEY_WORDS);
    const isSplit = value === 'split';
    this.#values[slot * VALUE_WORDS] = isSplit ? SPLIT : value.segment;
    this.#values[slot * VALUE_WORDS + 1] = isSplit ? 0 : value.offset;
  }

  /** The slot of a key, or the empty one where it belongs. */
  #find(key: Uint32Array): number {
    const mask = this.#slots - 1;
    let slot = this.#hash(key) & mask;
    while (this.#values[slot * VALUE_WORDS] !== EMPTY) {
      const at = slot * KEY_WORDS;
      const keys = this.#keys;
      if (
        keys[at] === key[0] &&
        keys[at + 1] === key[1] &&
        keys[at + 2] === key[2] &&
        keys[at + 3] === key[3]
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Keyed by chance, since senders choose the ids and could make them all fall into one slot. */
  #hash(key: Uint32Array): number {
    let hash = this.#seed;
    for (const part of key) {
      hash = Math.imul(hash ^ part, 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
      hash ^= hash >>> 13;
    }
    return hash >>> 0;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    const slots = this.#slots;
    this.#slots = slots * 2;
    this.#keys = new Uint32Array(this.#slots * KEY_WORDS);
    this.#values = new Uint32Array(this.#slots * VALUE_WORDS);
    for (let slot = 0; slot < slots; slot++) {
      if (values[slot * VALUE_WORDS] === EMPTY) continue;
      const key = keys.subarray(slot * KEY_WORDS, (slot + 1) * KEY_WORDS);
      const to = this.#find(key);
      this.#keys.set(key, to * KEY_WORDS);
      this.#values.set(values.subarray(slot * VALUE_WORDS, (slot + 1) * VALUE_WORDS), to * VALUE_WORDS);
    }
  }
}

function parseKey(id: string): Uint32Array {
  return Uint32Array.of(
    Number.parseInt(id.slice(0, 8), 16),
    Number.parseInt(id.slice(9, 13) + id.slice(14, 18), 16),
    Number.parseInt(id.slice(19, 23) + id.slice(24, 28), 16),
    Number.parseInt(id.slice(28, 36), 16),
  );
}
