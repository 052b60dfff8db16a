import { randomInt } from 'node:crypto';
import { KEY_WORDS } from './batch-key.ts';

/** The secret of a keyed hash: two words of 32 bits. */
export interface HashSeed {
  readonly low: number;
  readonly high: number;
}

/** One for each word of the key, one for its length. */
const COMPRESSION_ROUNDS = KEY_WORDS + 1;
const ROUNDS_TO_FIRST_WORD = COMPRESSION_ROUNDS + 3;
const ROUNDS = ROUNDS_TO_FIRST_WORD + 3;
/** The last word of the message: its length, 16 bytes, in the highest byte. */
const LENGTH_WORD = 16 << 24;

export function randomSeed(): HashSeed {
  return { low: randomInt(2 ** 32) | 0, high: randomInt(2 ** 32) | 0 };
}

/** A seed as 16 hex digits, `high` first. */
export function formatSeed({ low, high }: HashSeed): string {
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

export function parseSeed(text: string): HashSeed {
  return { low: Number.parseInt(text.slice(8), 16) | 0, high: Number.parseInt(text.slice(0, 8), 16) | 0 };
}

/**
 * Puts two words of hash of the key that begins at `at` of `words` into `hash`.
 *
 * HalfSipHash-1-3 with 64 bits of output. Senders choose the ids: with a weaker hash there are keys that
 * collide whatever the seed is, and a seed alone would not keep them from filling one slot.
 */
export function hashKey({ low, high }: HashSeed, words: Uint32Array, at: number, hash: Uint32Array): void {
  let v0 = low;
  let v1 = high ^ 0xee;
  let v2 = low ^ 0x6c796765;
  let v3 = high ^ 0x74656462;
  for (let round = 0; round < ROUNDS; round++) {
    let word = 0;
    if (round < KEY_WORDS) word = words[at + round] ?? 0;
    else if (round === KEY_WORDS) word = LENGTH_WORD;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
    if (round === COMPRESSION_ROUNDS - 1) v2 ^= 0xee;
    if (round === ROUNDS_TO_FIRST_WORD - 1) {
      hash[0] = v1 ^ v3;
      v1 ^= 0xdd;
    }
  }
  hash[1] = v1 ^ v3;
}
