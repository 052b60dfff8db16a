import type { BatchHeader } from '../batch-line.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { writeInteger } from '../../../words.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const FIRST_PRINTABLE = 0x20;
const LAST_ASCII = 0x7e;
const MAX_INTEGER = 1e15;
/** More than the quotes, the commas and three integers of up to 16 characters. */
const MAX_OTHER_BYTES = 64;

/**
 * What all rows of a batch have in common, as bytes: `,"batch",` before the sequence, and
 * `,position,received,skew` behind it.
 */
export class BatchTexts {
  readonly #texts = new GrowingBuffer(1_048_576);
  /** Where the texts begin: two numbers a batch, and one for the end. */
  readonly places: number[] = [0];

  /** What holds the texts; not what holds them after the next `add`. */
  get view(): DataView {
    return this.#texts.view;
  }

  add(header: BatchHeader): void {
    if (this.#addPlain(header)) return;
    const { batch, position, received, skew } = header;
    this.#texts.append(`,${JSON.stringify(batch)},`);
    this.places.push(this.#texts.length);
    this.#texts.append(`,${position},${received},${skew ?? null}`);
    this.places.push(this.#texts.length);
  }

  /** Does it without making texts on the heap, which for small batches is most of the work; false if it can't. */
  #addPlain({ batch, position, received, skew }: BatchHeader): boolean {
    if (!isPlain(batch) || !isShort(position) || !isShort(received) || (skew !== undefined && !isShort(skew)))
      return false;
    const texts = this.#texts;
    texts.reserve(batch.length + MAX_OTHER_BYTES);
    const { view, length } = texts;
    let at = length;
    view.setUint8(at++, COMMA);
    view.setUint8(at++, QUOTE);
    for (let index = 0; index < batch.length; index++) view.setUint8(at++, batch.charCodeAt(index));
    view.setUint8(at++, QUOTE);
    view.setUint8(at++, COMMA);
    this.places.push(at);
    view.setUint8(at++, COMMA);
    at = writeInteger(view, at, position);
    view.setUint8(at++, COMMA);
    at = writeInteger(view, at, received);
    view.setUint8(at++, COMMA);
    at = skew === undefined ? writeNull(view, at) : writeInteger(view, at, skew);
    this.places.push(at);
    texts.extend(at - length);
    return true;
  }
}

/** Whether JSON has a text as it is, and a byte for each character. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < FIRST_PRINTABLE || unit > LAST_ASCII || unit === QUOTE || unit === BACKSLASH) return false;
  }
  return true;
}

function isShort(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < MAX_INTEGER;
}

function writeNull(view: DataView, at: number): number {
  view.setUint32(at, 0x6e756c6c);
  return at + 4;
}
