import { BatchTexts } from './batch-texts.ts';
import {
  CONTEXT_BYTES,
  EVENT_NUMBERS,
  PRODUCT,
  PRODUCT_BYTES,
  SEQUENCE,
  TIMESTAMP_BYTES,
  TYPE,
  TYPE_BYTES,
  VERSION_BYTES,
} from './line-events.ts';
import type { ScannedBatch } from './line-scanner.ts';
import { ChunkPool, type RowChunk } from './row-chunks.ts';
import { CONTEXT_TO_VERSION, TIMESTAMP_TO_CONTEXT, TYPE_TO_TIMESTAMP } from './scan-event.ts';
import type { SealLimits } from './seal-limits.ts';
import { clusterDay, STRAY, utcDay } from './sealed-day.ts';
import { NO_NUMBER, TextTable } from './text-table.ts';
import { copyText, viewOf, WORD_SLACK_BYTES } from '../../../words.ts';

/** Rows in the order in which they came. */
export interface StagedCluster {
  /** Number of its customer and product in the stage's table; `NO_NUMBER` of the mixed one. */
  readonly product: number;
  readonly day: number;
  first: RowChunk | undefined;
  last: RowChunk | undefined;
  /** Of its chunks. */
  bytes: number;
  rows: number;
}

// What a row is in a chunk: its timestamp, five numbers of 32 bits, its line up to the context, its tail.
export const STAGED_TYPE = 8;
/** In the place of a type's number, if it has none. */
export const NO_STAGED_TYPE = 0xffff_ffff;
/** Number of its batch, whose texts every row of it has. */
export const STAGED_BATCH = 12;
export const STAGED_SEQUENCE = 16;
/** Of the line up to the context. */
export const STAGED_BYTES = 20;
/** Of the tail: codes in the mixed cluster, and the version if there is one; 0 for neither. */
export const STAGED_TAIL_BYTES = 24;
export const STAGED_HEAD_BYTES = 28;

/** A bracket and two commas, and words' slack. */
const ROW_OVERHEAD_BYTES = 8 + WORD_SLACK_BYTES;
const OPEN_BRACKET = 0x5b;
const COMMA = 0x2c;
const CODES_START = '{"customer":"';
const CODES_START_VIEW = viewOf(Buffer.from(CODES_START.padEnd(CODES_START.length + WORD_SLACK_BYTES)));
/** A quote and a brace, as one number. */
const CODES_END = 0x227d;
/** What codes are in between, and a comma. */
const CODES_OVERHEAD_BYTES = CODES_START.length + 3;

/** Numbers of days are below half of it, and those of products below 2^53 by it. */
const DAYS = 2 ** 28;

/**
 * The rows of a log segment, each cluster's in memory of its own.
 *
 * Besides the rows' own bytes it takes bounded memory, whatever is sent.
 *
 * Their texts are copied while they are in the processor's cache anyhow. To find them again later in
 * the segment, in the order of their time, would take longer than to copy them twice.
 */
export class RowStage {
  /** Those of one customer, product and day. */
  readonly clusters: StagedCluster[] = [];
  /** The rows of all others, with their codes. */
  readonly mixed: StagedCluster = newCluster(NO_NUMBER, STRAY);
  readonly types: TextTable;
  /** Code, key between, and code, as an event has them. */
  readonly products: TextTable;
  readonly batchIds: string[] = [];
  readonly #limits: SealLimits;
  #nameBytes = 0;
  readonly #clusters = new Map<number, StagedCluster>();
  /** Of each product the cluster found last: neighbours in the log mostly share their day. */
  readonly #lastClusters: StagedCluster[] = [];
  readonly #pool = new ChunkPool();
  readonly batchTexts = new BatchTexts();

  constructor(limits: SealLimits) {
    const { maxClusters, maxNameBytes, maxTypes, maxTypeBytes } = limits;
    this.#limits = limits;
    this.types = new TextTable({ maxTexts: maxTypes, maxBytes: maxTypeBytes });
    this.products = new TextTable({ maxTexts: maxClusters, maxBytes: maxNameBytes });
  }

  /** Adds the events of a batch. */
  add(batch: ScannedBatch): void {
    const { events, received, view: texts } = batch;
    const number = this.batchIds.length;
    this.batchIds.push(batch.batch);
    this.batchTexts.add(batch);
    const receivedDay = utcDay(received);
    const { count, timestamps, numbers } = events;
    for (let event = 0; event < count; event++) {
      const first = event * EVENT_NUMBERS;
      const timestamp = timestamps[event] ?? 0;
      const typeAt = numbers[first + TYPE] ?? 0;
      const typeBytes = numbers[first + TYPE_BYTES] ?? 0;
      const timestampBytes = numbers[first + TIMESTAMP_BYTES] ?? 0;
      const contextBytes = numbers[first + CONTEXT_BYTES] ?? 0;
      const versionBytes = numbers[first + VERSION_BYTES] ?? 0;
      const productAt = numbers[first + PRODUCT] ?? 0;
      const productBytes = numbers[first + PRODUCT_BYTES] ?? 0;
      const product = this.products.numberOf(texts, productAt, productBytes);
      const cluster = this.#clusterOf(product, clusterDay(timestamp, receivedDay), productBytes);
      const codesBytes = cluster === this.mixed ? CODES_OVERHEAD_BYTES + productBytes : 0;
      const textBytes = typeBytes + timestampBytes + contextBytes + codesBytes + versionBytes;
      const chunk = this.#chunkOf(cluster, STAGED_HEAD_BYTES + textBytes + ROW_OVERHEAD_BYTES);
      const { view, end: head } = chunk;
      const lineAt = head + STAGED_HEAD_BYTES;
      const timestampAt = typeAt + typeBytes + TYPE_TO_TIMESTAMP;
      const contextAt = timestampAt + timestampBytes + TIMESTAMP_TO_CONTEXT;
      let at = lineAt;
      view.setUint8(at++, OPEN_BRACKET);
      copyText(texts, timestampAt, view, at, timestampBytes);
      at += timestampBytes;
      view.setUint8(at++, COMMA);
      copyText(texts, typeAt, view, at, typeBytes);
      at += typeBytes;
      view.setUint8(at++, COMMA);
      copyText(texts, contextAt, view, at, contextBytes);
      at += contextBytes;
      view.setFloat64(head, timestamp, true);
      const type = this.types.numberOf(texts, typeAt, typeBytes);
      view.setUint32(head + STAGED_TYPE, type === NO_NUMBER ? NO_STAGED_TYPE : type, true);
      view.setUint32(head + STAGED_BATCH, number, true);
      view.setUint32(head + STAGED_SEQUENCE, numbers[first + SEQUENCE] ?? 0, true);
      view.setUint32(head + STAGED_BYTES, at - lineAt, true);
      const tailAt = at;
      if (codesBytes > 0) {
        at = writeCodes(texts, productAt, productBytes, view, at);
        if (versionBytes > 0) view.setUint8(at++, COMMA);
      }
      copyText(texts, contextAt + contextBytes + CONTEXT_TO_VERSION, view, at, versionBytes);
      at += versionBytes;
      view.setUint32(head + STAGED_TAIL_BYTES, at - tailAt, true);
      chunk.end = at;
      cluster.rows++;
    }
  }

  #clusterOf(product: number, day: number, nameBytes: number): StagedCluster {
    if (product === NO_NUMBER) return this.mixed;
    const last = this.#lastClusters[product];
    if (last !== undefined && last.day === day) return last;
    const key = product * DAYS + (day === STRAY ? DAYS - 1 : day + DAYS / 2);
    let cluster = this.#clusters.get(key);
    if (cluster === undefined) {
      const { maxClusters, maxNameBytes } = this.#limits;
      if (this.clusters.length === maxClusters || this.#nameBytes + nameBytes > maxNameBytes)
        return this.mixed;
      this.#nameBytes += nameBytes;
      cluster = newCluster(product, day);
      this.clusters.push(cluster);
      this.#clusters.set(key, cluster);
    }
    this.#lastClusters[product] = cluster;
    return cluster;
  }

  /** Where a cluster has that many bytes left. */
  #chunkOf(cluster: StagedCluster, bytes: number): RowChunk {
    const { last } = cluster;
    if (last !== undefined && last.end + bytes <= last.limit) return last;
    const chunk = this.#pool.take(bytes, cluster.bytes);
    if (last === undefined) cluster.first = chunk;
    else last.next = chunk;
    cluster.last = chunk;
    cluster.bytes += chunk.limit - chunk.start;
    return chunk;
  }
}

function newCluster(product: number, day: number): StagedCluster {
  return { product, day, first: undefined, last: undefined, bytes: 0, rows: 0 };
}

/** Writes an event's codes as an object; returns where it ends. */
function writeCodes(
  texts: DataView,
  productAt: number,
  productBytes: number,
  view: DataView,
  start: number,
): number {
  copyText(CODES_START_VIEW, 0, view, start, CODES_START.length);
  let at = start + CODES_START.length;
  copyText(texts, productAt, view, at, productBytes);
  at += productBytes;
  view.setUint16(at, CODES_END);
  return at + 2;
}
