import type { BatchHeader } from './batch-line.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { MIN_EVENT_BYTES, type EventSpans } from './scan-event.ts';
import { clusterDay } from './sealed-day.ts';
import { TextTable } from './text-table.ts';

/** Customer and product as bytes: a code, the key between, a code. */
interface Product {
  readonly clusters: Map<number, number>;
  /** The cluster found last: neighbours in the log mostly share their day. */
  lastDay: number;
  lastCluster: number;
}

/** Bytes that the copying of whole words may touch behind the last one. */
const SLACK_BYTES = 8;

/**
 * The events of a log segment as columns: numbers, and where in the segment their texts are.
 *
 * A place at or beyond the segment's length is one in `extra`, which holds the texts of events that
 * had to be written anew.
 */
export class LogColumns {
  readonly source: Buffer;
  readonly sourceLength: number;
  readonly extra = new GrowingBuffer(4_096);

  rowCount = 0;
  readonly timestamps: Float64Array;
  /** Where the type's text begins, which the rest of the event follows. */
  readonly places: Uint32Array;
  readonly types: Uint32Array;
  readonly contextBytes: Uint32Array;
  /** 0 for no version. */
  readonly versionBytes: Uint32Array;
  readonly batches: Uint32Array;
  readonly sequences: Uint32Array;
  readonly clusters: Uint32Array;

  /** Of each batch, the pieces of its rows: `,"batch",` and `,position,received,skew`. */
  readonly batchTexts = new GrowingBuffer(1_048_576);
  /** Where in `batchTexts` these begin: two numbers a batch, and one for the end. */
  readonly batchPlaces: number[] = [0];
  readonly batchIds: string[] = [];

  readonly typeTable = new TextTable();
  readonly productTable = new TextTable();
  readonly #products: Product[] = [];
  /** Of each cluster, its product's number and its day. */
  readonly clusterProducts: number[] = [];
  readonly clusterDays: number[] = [];

  /** @param source - The segment, and behind it at least `SLACK_BYTES` that don't matter. */
  private constructor(source: Buffer, sourceLength: number) {
    this.source = source;
    this.sourceLength = sourceLength;
    // As many as could be in it. The system gives memory only for what is used.
    const capacity = Math.ceil(sourceLength / MIN_EVENT_BYTES);
    this.timestamps = new Float64Array(capacity);
    this.places = new Uint32Array(capacity);
    this.types = new Uint32Array(capacity);
    this.contextBytes = new Uint32Array(capacity);
    this.versionBytes = new Uint32Array(capacity);
    this.batches = new Uint32Array(capacity);
    this.sequences = new Uint32Array(capacity);
    this.clusters = new Uint32Array(capacity);
  }

  static create(length: number): LogColumns {
    return new LogColumns(Buffer.allocUnsafeSlow(length + SLACK_BYTES), length);
  }

  /** Makes the rows added since the last call those of a batch. */
  endBatch({ batch, position, received, skew }: BatchHeader): void {
    this.batchIds.push(batch);
    this.batchTexts.append(`,${JSON.stringify(batch)},`);
    this.batchPlaces.push(this.batchTexts.length);
    this.batchTexts.append(`,${position},${received},${skew ?? null}`);
    this.batchPlaces.push(this.batchTexts.length);
  }

  /** Numbers the rows from `first` on from 0, leaving out some numbers. */
  renumber(first: number, left: ReadonlySet<number>): void {
    let sequence = -1;
    for (let row = first; row < this.rowCount; row++) {
      do sequence++;
      while (left.has(sequence));
      this.sequences[row] = sequence;
    }
  }

  /**
   * Adds a row of the batch that `endBatch` will name next.
   *
   * @param bytes - Where the spans are, which is `shift` behind their places.
   */
  addRow(bytes: Buffer, spans: EventSpans, shift: number, sequence: number, receivedDay: number): void {
    const row = this.rowCount++;
    if (row >= this.timestamps.length) throw new RangeError('more events than the segment can have');
    const { timestamp, typeStart, typeEnd, contextStart, contextEnd, end } = spans;
    this.timestamps[row] = timestamp;
    this.places[row] = typeStart + shift;
    this.types[row] = this.typeTable.numberOf(bytes, typeStart, typeEnd);
    this.contextBytes[row] = contextEnd - contextStart;
    this.versionBytes[row] = end - contextEnd;
    this.batches[row] = this.batchIds.length;
    this.sequences[row] = sequence;
    const product = this.productTable.numberOf(bytes, spans.productStart, spans.productEnd);
    this.clusters[row] = this.#clusterOf(product, clusterDay(timestamp, receivedDay));
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
