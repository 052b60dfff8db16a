/** Bytes that there are at least behind the last one, for those who copy whole words. */
const SLACK_BYTES = 8;

/** Bytes of which nobody knows beforehand how many there will be. */
export class GrowingBuffer {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** What holds the bytes, to the end of its capacity; another one after the next `append`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Appends a text as UTF-8. */
  append(text: string): void {
    // Three bytes a unit is the most that UTF-8 takes.
    const needed = this.#length + text.length * 3 + SLACK_BYTES;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(needed * 2);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(text, this.#length);
  }
}
