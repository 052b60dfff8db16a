import type { KeyedLines } from './merge-lines.ts';
import { findNewline, viewOf } from '../../../words.ts';

const CAPACITY = 2_048;

/** Finds lines and what they are ordered by, in bytes of whole lines; one object is used again and again. */
export class LineIndex implements KeyedLines {
  readonly #keyOf: (lines: Buffer, at: number) => number;
  bytes: Buffer = Buffer.alloc(0);
  count = 0;
  starts = new Uint32Array(CAPACITY);
  keys = new Float64Array(CAPACITY);

  constructor(keyOf: (lines: Buffer, at: number) => number) {
    this.#keyOf = keyOf;
  }

  set(bytes: Buffer): void {
    this.bytes = bytes;
    this.count = 0;
    const view = viewOf(bytes);
    for (let at = 0; at < bytes.length; at = findNewline(view, at, bytes.length) + 1) {
      if (this.count + 1 >= this.starts.length) this.#grow();
      this.starts[this.count] = at;
      this.keys[this.count] = this.#keyOf(bytes, at);
      this.count++;
    }
    this.starts[this.count] = bytes.length;
  }

  #grow(): void {
    const starts = new Uint32Array(this.starts.length * 2);
    starts.set(this.starts);
    this.starts = starts;
    const keys = new Float64Array(starts.length);
    keys.set(this.keys);
    this.keys = keys;
  }
}
