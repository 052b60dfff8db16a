import { GrowingBuffer } from './growing-buffer.ts';
import { areSame, copyText, hashOf, hashOfEnds } from '../../../words.ts';

const SLOTS = 4_096;
const FREE = -1;

/** In the place of a number, for a text that there was no room for. */
export const NO_NUMBER = -1;

export interface TextTableLimits {
  readonly maxTexts: number;
  /** Of all texts together. */
  readonly maxBytes: number;
}

/** Numbers texts from 0 in the order in which they are first seen, by their bytes, as long as there is room. */
export class TextTable {
  readonly #limits: TextTableLimits;
  readonly #texts = new GrowingBuffer(4_096);
  /** Where in `#texts` each begins; one more for the end. */
  #starts: number[] = [0];
  readonly #numbers = new Map<string, number>();
  // A look here is enough for texts that come often; which they are does not change what is found.
  readonly #byEnds = new Int32Array(SLOTS).fill(FREE);
  readonly #byBytes = new Int32Array(SLOTS).fill(FREE);

  constructor(limits: TextTableLimits) {
    this.#limits = limits;
  }

  /** How many texts there are. */
  get count(): number {
    return this.#starts.length - 1;
  }

  /** The number of the text in a part of a buffer, which has words' slack behind it; `NO_NUMBER` if it gets none. */
  numberOf(view: DataView, start: number, length: number): number {
    const ends = hashOfEnds(view, start, length) & (SLOTS - 1);
    const guess = this.#byEnds[ends] ?? FREE;
    if (this.#isText(guess, view, start, length)) return guess;
    const slot = hashOf(view, start, length) & (SLOTS - 1);
    let number = this.#byBytes[slot] ?? FREE;
    if (!this.#isText(number, view, start, length)) {
      number = this.#lookUp(view, start, length);
      if (number === NO_NUMBER) return NO_NUMBER;
      this.#byBytes[slot] = number;
    }
    this.#byEnds[ends] = number;
    return number;
  }

  /** A copy of a text's bytes. */
  text(number: number): Buffer {
    const start = this.#starts[number];
    const end = this.#starts[number + 1];
    if (start === undefined || end === undefined) throw new RangeError('there is no such text');
    const { buffer, byteOffset } = this.#texts.view;
    return Buffer.from(Buffer.from(buffer, byteOffset + start, end - start));
  }

  /** Begins again from 0. */
  clear(): void {
    this.#texts.clear();
    this.#starts = [0];
    this.#numbers.clear();
    this.#byEnds.fill(FREE);
    this.#byBytes.fill(FREE);
  }

  #isText(number: number, view: DataView, start: number, length: number): boolean {
    if (number === FREE) return false;
    const own = this.#starts[number] ?? 0;
    const end = this.#starts[number + 1] ?? 0;
    return end - own === length && areSame(this.#texts.view, own, view, start, length);
  }

  #lookUp(view: DataView, start: number, length: number): number {
    const key = Buffer.from(view.buffer, view.byteOffset + start, length).toString('latin1');
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.count;
    const { maxTexts, maxBytes } = this.#limits;
    if (number === maxTexts || this.#texts.length + length > maxBytes) return NO_NUMBER;
    this.#texts.reserve(length);
    copyText(view, start, this.#texts.view, this.#texts.length, length);
    this.#texts.extend(length);
    this.#starts.push(this.#texts.length);
    this.#numbers.set(key, number);
    return number;
  }
}
