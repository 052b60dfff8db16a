import { areSame, hashOf, hashOfEnds, viewOf, WORD_SLACK_BYTES } from './words.ts';

const SLOTS = 4_096;
const FREE = -1;

interface Text {
  readonly view: DataView;
  readonly length: number;
}

/** Numbers texts from 0 in the order in which they are first seen, by their bytes. */
export class TextTable {
  readonly #texts: Text[] = [];
  readonly #numbers = new Map<string, number>();
  // A look here is enough for texts that come often; which they are does not change what is found.
  readonly #byEnds = new Int32Array(SLOTS).fill(FREE);
  readonly #byBytes = new Int32Array(SLOTS).fill(FREE);

  /** How many texts there are. */
  get count(): number {
    return this.#texts.length;
  }

  /** The number of the text in a part of a buffer, which has words' slack behind it. */
  numberOf(view: DataView, start: number, length: number): number {
    const ends = hashOfEnds(view, start, length) & (SLOTS - 1);
    const guess = this.#byEnds[ends] ?? FREE;
    if (this.#isText(guess, view, start, length)) return guess;
    const slot = hashOf(view, start, length) & (SLOTS - 1);
    let number = this.#byBytes[slot] ?? FREE;
    if (!this.#isText(number, view, start, length)) {
      number = this.#lookUp(view, start, length);
      this.#byBytes[slot] = number;
    }
    this.#byEnds[ends] = number;
    return number;
  }

  /** The bytes of a text. */
  text(number: number): Buffer {
    const text = this.#texts[number];
    if (text === undefined) throw new RangeError('there is no such text');
    return Buffer.from(text.view.buffer, text.view.byteOffset, text.length);
  }

  #isText(number: number, view: DataView, start: number, length: number): boolean {
    const text = number === FREE ? undefined : this.#texts[number];
    return text !== undefined && text.length === length && areSame(text.view, 0, view, start, length);
  }

  #lookUp(view: DataView, start: number, length: number): number {
    const bytes = Buffer.from(view.buffer, view.byteOffset + start, length);
    const key = bytes.toString('latin1');
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#texts.length;
    // A copy: the buffer is not the table's own, and may be large.
    const own = new Uint8Array(length + WORD_SLACK_BYTES);
    own.set(bytes);
    this.#texts.push({ view: viewOf(own), length });
    this.#numbers.set(key, number);
    return number;
  }
}
