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
import { clusterDay, STRAY, utcDay } from './sealed-day.ts';
import { TextTable } from './text-table.ts';
import { copyText, WORD_SLACK_BYTES } from './words.ts';

/** Rows in the order in which they came. */
export interface StagedCluster {
  /** Number of its customer and product in the stage's table. */
  readonly product: number;
  readonly day: number;
  first: RowChunk | undefined;
  last: RowChunk | undefined;
  /** Of its chunks. */
  bytes: number;
  rows: number;
}

// What a row is in a chunk: its timestamp, five numbers of 32 bits, its line up to the context, its version.
export const STAGED_TYPE = 8;
/** Number of its batch, whose texts every row of it has. */
export const STAGED_BATCH = 12;
export const STAGED_SEQUENCE = 16;
/** Of the line up to the context. */
export const STAGED_BYTES = 20;
/** Of the version; 0 for none. */
export const STAGED_VERSION_BYTES = 24;
export const STAGED_HEAD_BYTES = 28;

/** A bracket and two commas, and words' slack. */
const ROW_OVERHEAD_BYTES = 8 + WORD_SLACK_BYTES;
const OPEN_BRACKET = 0x5b;
const COMMA = 0x2c;

/** Numbers of days are below half of it, and those of products below 2^53 by it. */
const DAYS = 2 ** 28;

/**
 * The rows of a log segment, each cluster's in memory of its own.
 *
 * Their texts are copied while they are in the processor's cache anyhow. To find them again later in
 * the segment, in the order of their time, would take longer than to copy them twice.
 */
export class RowStage {
  readonly clusters: StagedCluster[] = [];
  readonly types = new TextTable();
  /** Code, key between, and code, as an event has them. */
  readonly products = new TextTable();
  readonly batchIds: string[] = [];
  readonly #clusters = new Map<number, StagedCluster>();
  /** Of each product the cluster found last: neighbours in the log mostly share their day. */
  readonly #lastClusters: StagedCluster[] = [];
  readonly #pool = new ChunkPool();
  readonly batchTexts = new BatchTexts();

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
      const product = this.products.numberOf(
        texts,
        numbers[first + PRODUCT] ?? 0,
        numbers[first + PRODUCT_BYTES] ?? 0,
      );
      const cluster = this.#clusterOf(product, clusterDay(timestamp, receivedDay));
      const textBytes = typeBytes + timestampBytes + contextBytes + versionBytes;
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
      view.setUint32(head + STAGED_TYPE, this.types.numberOf(texts, typeAt, typeBytes), true);
      view.setUint32(head + STAGED_BATCH, number, true);
      view.setUint32(head + STAGED_SEQUENCE, numbers[first + SEQUENCE] ?? 0, true);
      view.setUint32(head + STAGED_BYTES, at - lineAt, true);
      view.setUint32(head + STAGED_VERSION_BYTES, versionBytes, true);
      copyText(texts, contextAt + contextBytes + CONTEXT_TO_VERSION, view, at, versionBytes);
      chunk.end = at + versionBytes;
      cluster.rows++;
    }
  }

  #clusterOf(product: number, day: number): StagedCluster {
    const last = this.#lastClusters[product];
    if (last !== undefined && last.day === day) return last;
    const key = product * DAYS + (day === STRAY ? DAYS - 1 : day + DAYS / 2);
    let cluster = this.#clusters.get(key);
    if (cluster === undefined) {
      cluster = { product, day, first: undefined, last: undefined, bytes: 0, rows: 0 };
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
