const SLOTS = 4_096;
const FREE = -1;

/** Numbers texts from 0 in the order in which they are first seen, by their bytes. */
export class TextTable {
  readonly #texts: Buffer[] = [];
  readonly #numbers = new Map<string, number>();
  // A look here is enough for texts that come often; which they are does not change what is found.
  readonly #slots = new Int32Array(SLOTS).fill(FREE);

  /** How many texts there are. */
  get count(): number {
    return this.#texts.length;
  }

  /** The number of the text in a part of a buffer. */
  numberOf(bytes: Buffer, start: number, end: number): number {
    let hash = end - start;
    for (let at = start; at < end; at++) hash = Math.imul(hash, 0x01000193) ^ (bytes[at] ?? 0);
    const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
    const guess = this.#slots[slot] ?? FREE;
    const text = this.#texts[guess];
    if (text !== undefined && isSame(text, bytes, start, end)) return guess;
    const number = this.#lookUp(bytes, start, end);
    this.#slots[slot] = number;
    return number;
  }

  /** The bytes of a text. */
  text(number: number): Buffer {
    const text = this.#texts[number];
    if (text === undefined) throw new RangeError('there is no such text');
    return text;
  }

  #lookUp(bytes: Buffer, start: number, end: number): number {
    const key = bytes.toString('latin1', start, end);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#texts.length;
    // A copy: the buffer is not the table's own, and may be large.
    this.#texts.push(Buffer.from(key, 'latin1'));
    this.#numbers.set(key, number);
    return number;
  }
}

function isSame(text: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index++) {
    if (text[index] !== bytes[start + index]) return false;
  }
  return true;
}
