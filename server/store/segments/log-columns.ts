import type { BatchHeader } from './batch-line.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { MIN_EVENT_BYTES, type EventSpans } from './scan-event.ts';
import { UUID_BYTES, type HeaderSpans } from './scan-header.ts';
import { clusterDay } from './sealed-day.ts';
import { TextTable } from './text-table.ts';
import { copyBytes, viewOf } from './words.ts';

/** Numbers of a row, side by side: rows are read in an order in which each is a miss of the cache. */
export const ROW_NUMBERS = 8;
/** Where the type's text begins, which the rest of the event follows. */
export const PLACE = 0;
export const TYPE = 1;
export const TIMESTAMP_BYTES = 2;
export const CONTEXT_BYTES = 3;
/** With the key before it; 0 for no version. */
export const VERSION_BYTES = 4;
export const BATCH = 5;
export const SEQUENCE = 6;
export const CLUSTER = 7;

interface Product {
  readonly clusters: Map<number, number>;
  /** The cluster found last: neighbours in the log mostly share their day. */
  lastDay: number;
  lastCluster: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const NULL = Buffer.from(',null');
/** Quotes behind the source, at which every search ends. */
const GUARD_BYTES = 64;
/** More than the texts of a batch beside its id: two numbers of up to 16 digits, one of 17. */
const NUMBERS_BYTES = 64;

/**
 * The events of a log segment as columns: numbers, and where in the segment their texts are.
 *
 * A place at or beyond the segment's length is one in `extra`, which holds the texts of events that
 * had to be written anew.
 */
export class LogColumns {
  /** The segment, and quotes behind it. */
  readonly source: Buffer;
  readonly sourceView: DataView;
  readonly sourceLength: number;
  readonly extra = new GrowingBuffer(4_096);

  rowCount = 0;
  readonly timestamps: Float64Array;
  /** `ROW_NUMBERS` of each row. */
  readonly numbers: Uint32Array;

  /** Of each batch, the pieces of its rows: `,"batch",` and `,position,received,skew`. */
  readonly batchTexts = new GrowingBuffer(1_048_576);
  /** Where in `batchTexts` these begin: two numbers a batch, and one for the end. */
  readonly batchPlaces: number[] = [0];
  readonly batchIds: string[] = [];

  readonly typeTable = new TextTable();
  /** Of code, key between, and code, as an event has them. */
  readonly productTable = new TextTable();
  readonly #products: Product[] = [];
  /** Of each cluster, its product's number and its day. */
  readonly clusterProducts: number[] = [];
  readonly clusterDays: number[] = [];

  constructor(sourceLength: number) {
    this.source = Buffer.allocUnsafeSlow(sourceLength + GUARD_BYTES);
    this.source.fill(QUOTE, sourceLength);
    this.sourceView = viewOf(this.source);
    this.sourceLength = sourceLength;
    // As many as could be in it. The system gives memory only for what is used.
    const capacity = Math.ceil(sourceLength / MIN_EVENT_BYTES);
    this.timestamps = new Float64Array(capacity);
    this.numbers = new Uint32Array(capacity * ROW_NUMBERS);
  }

  /**
   * Adds a row of the batch that will be ended next.
   *
   * @param view - Where the spans are, which is `shift` behind their places.
   */
  addRow(view: DataView, spans: EventSpans, shift: number, sequence: number, receivedDay: number): void {
    const row = this.rowCount++;
    if (row >= this.timestamps.length) throw new RangeError('more events than the segment can have');
    const { timestamp, productStart, typeStart, typeEnd, contextStart, contextEnd } = spans;
    const product = this.productTable.numberOf(view, productStart, spans.productEnd - productStart);
    const { numbers } = this;
    const at = row * ROW_NUMBERS;
    this.timestamps[row] = timestamp;
    numbers[at + PLACE] = typeStart + shift;
    numbers[at + TYPE] = this.typeTable.numberOf(view, typeStart, typeEnd - typeStart);
    numbers[at + TIMESTAMP_BYTES] = spans.timestampBytes;
    numbers[at + CONTEXT_BYTES] = contextEnd - contextStart;
    numbers[at + VERSION_BYTES] = spans.end - contextEnd;
    numbers[at + BATCH] = this.batchIds.length;
    numbers[at + SEQUENCE] = sequence;
    numbers[at + CLUSTER] = this.#clusterOf(product, clusterDay(timestamp, receivedDay));
  }

  /** Numbers the rows from `first` on from 0, leaving out some numbers. */
  renumber(first: number, left: ReadonlySet<number>): void {
    let sequence = -1;
    for (let row = first; row < this.rowCount; row++) {
      do sequence++;
      while (left.has(sequence));
      this.numbers[row * ROW_NUMBERS + SEQUENCE] = sequence;
    }
  }

  /** Makes the rows added since the last batch those of this one. */
  endBatch({ batch, position, received, skew }: BatchHeader): void {
    this.batchIds.push(batch);
    this.batchTexts.append(`,${JSON.stringify(batch)},`);
    this.batchPlaces.push(this.batchTexts.length);
    this.batchTexts.append(`,${position},${received},${skew ?? null}`);
    this.batchPlaces.push(this.batchTexts.length);
  }

  /** The same for one whose fields are in the source, where they need only be copied. */
  endScannedBatch(batch: string, spans: HeaderSpans): void {
    const { batchTexts, batchPlaces, sourceView } = this;
    this.batchIds.push(batch);
    batchTexts.reserve(UUID_BYTES + NUMBERS_BYTES);
    const { view, length } = batchTexts;
    let at = length;
    view.setUint8(at++, COMMA);
    copyBytes(sourceView, spans.batchStart - 1, view, at, UUID_BYTES + 2);
    at += UUID_BYTES + 2;
    view.setUint8(at++, COMMA);
    batchPlaces.push(at);
    view.setUint8(at++, COMMA);
    copyBytes(sourceView, spans.positionStart, view, at, spans.positionEnd - spans.positionStart);
    at += spans.positionEnd - spans.positionStart;
    view.setUint8(at++, COMMA);
    copyBytes(sourceView, spans.receivedStart, view, at, spans.receivedEnd - spans.receivedStart);
    at += spans.receivedEnd - spans.receivedStart;
    view.setUint8(at, COMMA);
    const skewBytes = spans.skewEnd - spans.skewStart;
    if (skewBytes > 0) copyBytes(sourceView, spans.skewStart, view, at + 1, skewBytes);
    else for (const [index, byte] of NULL.entries()) view.setUint8(at + index, byte);
    at += 1 + (skewBytes > 0 ? skewBytes : NULL.length - 1);
    batchPlaces.push(at);
    batchTexts.extend(at - length);
  }

  #clusterOf(product: number, day: number): number {
    let known = this.#products[product];
    if (known === undefined) {
      known = { clusters: new Map(), lastDay: Number.NaN, lastCluster: 0 };
      this.#products[product] = known;
    }
    if (known.lastDay === day) return known.lastCluster;
    let cluster = known.clusters.get(day);
    if (cluster === undefined) {
      cluster = this.clusterDays.length;
      this.clusterDays.push(day);
      this.clusterProducts.push(product);
      known.clusters.set(day, cluster);
    }
    known.lastDay = day;
    known.lastCluster = cluster;
    return cluster;
  }
}
