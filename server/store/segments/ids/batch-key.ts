/** Words of a batch's id: four of 32 bits, the first digits in the first. */
export const KEY_WORDS = 4;

/**
 * Reads the 128 bits of an id into `key`; allocates nothing, since this runs for every request.
 *
 * @param id - A UUID in lower case; of any other text the key means nothing.
 */
export function parseKey(id: string, key: Uint32Array): void {
  key[0] = (fourDigits(id, 0) << 16) | fourDigits(id, 4);
  key[1] = (fourDigits(id, 9) << 16) | fourDigits(id, 14);
  key[2] = (fourDigits(id, 19) << 16) | fourDigits(id, 24);
  key[3] = (fourDigits(id, 28) << 16) | fourDigits(id, 32);
}

/** The first 32 bits of an id: of two ids' the order is theirs, as far as they differ there. */
export function firstWord(id: string): number {
  return ((fourDigits(id, 0) << 16) | fourDigits(id, 4)) >>> 0;
}

/** Negative, zero or positive: the order of two keys, which is that of their ids' texts. */
export function compareKeys(a: Uint32Array, b: Uint32Array): number {
  for (let word = 0; word < KEY_WORDS; word++) {
    const difference = (a[word] ?? 0) - (b[word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function fourDigits(text: string, at: number): number {
  return (
    (digit(text.charCodeAt(at)) << 12) |
    (digit(text.charCodeAt(at + 1)) << 8) |
    (digit(text.charCodeAt(at + 2)) << 4) |
    digit(text.charCodeAt(at + 3))
  );
}

/** `0` to `9` have their value in the low four bits; `a` to `f`, from 0x61 on, have it less 9. */
function digit(code: number): number {
  return (code & 15) + (code >> 6) * 9;
}
