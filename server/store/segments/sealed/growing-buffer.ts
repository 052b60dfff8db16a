import { viewOf, WORD_SLACK_BYTES } from '../../../words.ts';

/** Bytes of which nobody knows beforehand how many there will be; behind them is words' slack. */
export class GrowingBuffer {
  #bytes: Buffer;
  #view: DataView;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = viewOf(this.#bytes);
  }

  /** What holds the bytes, to the end of its capacity; not what holds them after they have grown. */
  get view(): DataView {
    return this.#view;
  }

  get length(): number {
    return this.#length;
  }

  /** Begins again. */
  clear(): void {
    this.#length = 0;
  }

  /** Makes room for more bytes, to be written behind the others in `view` and then counted by `extend`. */
  reserve(count: number): void {
    const needed = this.#length + count + WORD_SLACK_BYTES;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(needed * 2);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }

  extend(count: number): void {
    this.#length += count;
  }

  /** Appends a text as UTF-8; returns how many bytes that is. */
  append(text: string): number {
    // Three bytes a unit is the most that UTF-8 takes.
    this.reserve(text.length * 3);
    const written = this.#bytes.write(text, this.#length);
    this.#length += written;
    return written;
  }
}
