/** Numbers of an event, side by side. */
export const EVENT_NUMBERS = 8;
/** Where customer's code begins, which the key between and product's code follow. */
export const PRODUCT = 0;
export const PRODUCT_BYTES = 1;
/** Where the type's text begins: with its quotes, like all below. */
export const TYPE = 2;
export const TYPE_BYTES = 3;
/** Digits of the timestamp, which come behind the type and a key. */
export const TIMESTAMP_BYTES = 4;
/** Of the context, which comes behind the timestamp and a key. */
export const CONTEXT_BYTES = 5;
/** Of the version, which comes behind the context and a key; 0 if there is none. */
export const VERSION_BYTES = 6;
export const SEQUENCE = 7;

const CAPACITY = 1_024;

/** The events of one batch line: where in a buffer the texts of each are. */
export class LineEvents {
  count = 0;
  timestamps = new Float64Array(CAPACITY);
  /** `EVENT_NUMBERS` of each event. */
  numbers = new Int32Array(CAPACITY * EVENT_NUMBERS);

  /** Makes room for another event. */
  reserve(): void {
    if (this.count < this.timestamps.length) return;
    const timestamps = new Float64Array(this.timestamps.length * 2);
    timestamps.set(this.timestamps);
    this.timestamps = timestamps;
    const numbers = new Int32Array(this.numbers.length * 2);
    numbers.set(this.numbers);
    this.numbers = numbers;
  }

  /** Numbers the events from 0, leaving out those numbers that are of refused ones. */
  renumber(refused: ReadonlySet<number>): void {
    let sequence = -1;
    for (let event = 0; event < this.count; event++) {
      do sequence++;
      while (refused.has(sequence));
      this.numbers[event * EVENT_NUMBERS + SEQUENCE] = sequence;
    }
  }
}
