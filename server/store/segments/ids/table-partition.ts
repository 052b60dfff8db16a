import { KEY_WORDS } from './batch-key.ts';

/** Words of a slot: the key, the segment's number, the offset. */
const SLOT_WORDS = KEY_WORDS + 2;
const INITIAL_SLOTS = 4;
const MAX_LOAD = 0.75;
/** In the place of a segment's number: nothing is there. */
const EMPTY = 0;

/** The hash of the key that begins at `at` of `words`; always the same for the same key. */
export type KeyHash = (words: Uint32Array, at: number) => number;

/**
 * One part of a `BatchTable`: open addressing with linear probing over whole keys, 24 bytes a slot.
 *
 * A place in it, as `find` gives it, is valid until the next `set`, `removeSegment` or `find` of others.
 */
export class TablePartition {
  #slots = new Uint32Array(INITIAL_SLOTS * SLOT_WORDS);
  #mask = INITIAL_SLOTS - 1;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  get slotCount(): number {
    return this.#mask + 1;
  }

  /** Where a key is, or the empty place where it belongs. */
  find(key: Uint32Array, hash: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slot * SLOT_WORDS;
      if (slots[at + KEY_WORDS] === EMPTY || isAt(slots, at, key)) return at;
    }
  }

  /** The segment's number at a place; 0 if nothing is there. */
  segment(at: number): number {
    return this.#slots[at + KEY_WORDS] ?? EMPTY;
  }

  offset(at: number): number {
    return this.#slots[at + KEY_WORDS + 1] ?? 0;
  }

  /** @param hash - From `hashOf`, which is asked again for the keys that are there when the table grows. */
  set(key: Uint32Array, hash: number, segment: number, offset: number, hashOf: KeyHash): void {
    let at = this.find(key, hash);
    if (this.segment(at) === EMPTY) {
      if (this.#count + 1 > this.slotCount * MAX_LOAD) {
        this.#rebuild(this.slotCount * 2, EMPTY, hashOf);
        at = this.find(key, hash);
      }
      this.#count++;
      this.#slots.set(key, at);
    }
    this.#slots[at + KEY_WORDS] = segment;
    this.#slots[at + KEY_WORDS + 1] = offset;
  }

  /** Drops the entries of a segment, giving back memory; returns how many there were. */
  removeSegment(segment: number, hashOf: KeyHash): number {
    const slots = this.#slots;
    let removed = 0;
    for (let at = KEY_WORDS; at < slots.length; at += SLOT_WORDS) if (slots[at] === segment) removed++;
    if (removed === 0) return 0;
    this.#count -= removed;
    let wanted = INITIAL_SLOTS;
    while (this.#count > wanted * MAX_LOAD) wanted *= 2;
    this.#rebuild(wanted, segment, hashOf);
    return removed;
  }

  /** Copies all but the entries of one segment into an array of another size. */
  #rebuild(slotCount: number, without: number, hashOf: KeyHash): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(slotCount * SLOT_WORDS);
    this.#mask = slotCount - 1;
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      const segment = old[at + KEY_WORDS] ?? EMPTY;
      if (segment === EMPTY || segment === without) continue;
      const to = this.#findEmpty(hashOf(old, at));
      for (let word = 0; word < SLOT_WORDS; word++) this.#slots[to + word] = old[at + word] ?? 0;
    }
  }

  #findEmpty(hash: number): number {
    let slot = hash & this.#mask;
    while (this.segment(slot * SLOT_WORDS) !== EMPTY) slot = (slot + 1) & this.#mask;
    return slot * SLOT_WORDS;
  }
}

function isAt(slots: Uint32Array, at: number, key: Uint32Array): boolean {
  return (
    slots[at] === key[0] && slots[at + 1] === key[1] && slots[at + 2] === key[2] && slots[at + 3] === key[3]
  );
}
