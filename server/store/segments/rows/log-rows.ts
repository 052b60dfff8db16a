import type { SnapshotSegment } from '../../event-store.ts';
import { systemCode } from '../../../errors.ts';
import { GrowingBuffer } from '../sealed/growing-buffer.ts';
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
} from '../sealed/line-events.ts';
import { LineScanner, type ScannedBatch } from '../sealed/line-scanner.ts';
import { CONTEXT_TO_VERSION, TIMESTAMP_TO_CONTEXT, TYPE_TO_TIMESTAMP } from '../sealed/scan-event.ts';
import { areSame, copyText, viewOf, WORD_SLACK_BYTES, writeInteger } from '../sealed/words.ts';
import type { DamageReports } from './damage-reports.ts';
import { readLogLines, type LogLines } from './log-reader.ts';
import type { RowFilter } from './row-filter.ts';
import type { RowSorter } from './row-sorter.ts';

const NEWLINE = 0x0a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
/** Brackets, commas, a newline and a sequence of a row, and words' slack. */
const ROW_OVERHEAD_BYTES = 32 + WORD_SLACK_BYTES;

/** Takes the rows that a report gets out of log segments. */
export class LogRows {
  readonly #filter: RowFilter;
  readonly #sorter: RowSorter;
  readonly #damage: DamageReports;
  readonly #onRead: (bytes: number) => void;
  readonly #scanner = new LineScanner();
  /** What begins each event of the product: the engine writes these two fields first. */
  readonly #needle: Buffer;
  /** Code, key between, and code, as an event has them. */
  readonly #product: DataView;
  readonly #productBytes: number;
  /** What the rows of a batch have in common: before the sequence, and behind it. */
  readonly #texts = new GrowingBuffer(256);

  constructor(filter: RowFilter, sorter: RowSorter, damage: DamageReports, onRead: (bytes: number) => void) {
    const { customer, product } = filter;
    this.#filter = filter;
    this.#sorter = sorter;
    this.#damage = damage;
    this.#onRead = onRead;
    this.#needle = Buffer.from(JSON.stringify({ customer, product }).slice(0, -1));
    const codes = this.#needle.subarray('{"customer":"'.length, -1);
    this.#productBytes = codes.length;
    this.#product = viewOf(Buffer.concat([codes, Buffer.alloc(WORD_SLACK_BYTES)]));
  }

  /** Adds the rows of a segment to the sorter. */
  async add({ path, length, dropped }: SnapshotSegment, chunkBytes?: number): Promise<void> {
    const isDropped = new Set(dropped);
    let read = 0;
    try {
      for await (const lines of readLogLines(path, length, chunkBytes)) {
        await this.#addLines(path, lines, length, isDropped);
        const end = lines.offset + lines.length - lines.start;
        this.#onRead(end - read);
        read = end;
      }
      if (read < length) this.#damage.endsEarly(path, read);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      this.#damage.missing(path);
    }
    this.#onRead(length - read);
  }

  /** @param end - Of the segment. */
  async #addLines(path: string, lines: LogLines, end: number, isDropped: ReadonlySet<number>): Promise<void> {
    const { bytes, offset, start, length } = lines;
    let match = this.#nextMatch(lines, start);
    for (let at = start; at < length;) {
      const newline = bytes.indexOf(NEWLINE, at);
      const isEnded = newline >= 0 && newline < length;
      const lineEnd = isEnded ? newline : length;
      const lineOffset = offset + at - start;
      const hasMatch = match < lineEnd;
      if (hasMatch) match = this.#nextMatch(lines, lineEnd);
      if (!isDropped.has(lineOffset)) {
        const isCut = !isEnded && offset + length - start < end;
        let isWhole = isCut;
        if (isEnded && hasMatch) {
          const batch = this.#scanner.scan(lines, at, lineEnd);
          isWhole = batch !== undefined;
          if (batch !== undefined && batch.position <= this.#filter.position) await this.#addBatch(batch);
        } else if (isEnded) isWhole = this.#scanner.isWhole(lines, at, lineEnd);
        if (!isWhole) this.#damage.add({ path, offset: lineOffset, reason: 'the line is damaged' });
      }
      at = lineEnd + 1;
    }
  }

  #nextMatch({ bytes, length }: LogLines, from: number): number {
    const found = bytes.indexOf(this.#needle, from);
    return found >= 0 && found < length ? found : Infinity;
  }

  async #addBatch(batch: ScannedBatch): Promise<void> {
    const { events, view, position } = batch;
    const { numbers, timestamps, count } = events;
    const { arena } = this.#sorter;
    let group = -1;
    let beforeBytes = 0;
    for (let event = 0; event < count; event++) {
      const first = event * EVENT_NUMBERS;
      const timestamp = timestamps[event] ?? 0;
      const productAt = numbers[first + PRODUCT] ?? 0;
      const isOfProduct =
        numbers[first + PRODUCT_BYTES] === this.#productBytes &&
        areSame(this.#product, 0, view, productAt, this.#productBytes);
      if (!isOfProduct || !this.#wants(view, numbers, first, timestamp, position)) continue;
      if (group < 0) {
        group = this.#sorter.newGroup();
        beforeBytes = this.#setTexts(batch);
      }
      const bytes = ROW_OVERHEAD_BYTES + this.#texts.length + textBytes(numbers, first);
      if (!arena.hasRoom(bytes)) await this.#sorter.makeRoom(bytes);
      arena.add(this.#writeRow(view, numbers, first, beforeBytes), timestamp, group);
    }
  }

  /** Sets what the rows of a batch have in common; returns how much of it comes before the sequence. */
  #setTexts({ batch, position, received, skew }: ScannedBatch): number {
    this.#texts.clear();
    const before = this.#texts.append(`,${JSON.stringify(batch)},`);
    this.#texts.append(`,${position},${received},${skew ?? null}`);
    return before;
  }

  #wants(view: DataView, numbers: Int32Array, first: number, timestamp: number, position: number): boolean {
    const filter = this.#filter;
    if (timestamp < filter.start || timestamp > filter.end) return false;
    const typeAt = numbers[first + TYPE] ?? 0;
    const typeBytes = numbers[first + TYPE_BYTES] ?? 0;
    if (!filter.wantsType(view, typeAt, typeBytes)) return false;
    if (!filter.mayBeErased(timestamp, position)) return true;
    const contextAt =
      typeAt + typeBytes + TYPE_TO_TIMESTAMP + (numbers[first + TIMESTAMP_BYTES] ?? 0) + TIMESTAMP_TO_CONTEXT;
    const type = String(jsonAt(view, typeAt, typeBytes));
    // The scanner found it to be a list of texts and nulls.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const context = jsonAt(view, contextAt, numbers[first + CONTEXT_BYTES] ?? 0) as readonly (
      string | null
    )[];
    return filter.wantsEvent({ type, timestamp, context }, position);
  }

  /** Writes a row where the arena's next one begins; returns where it ends. */
  #writeRow(from: DataView, numbers: Int32Array, first: number, beforeBytes: number): number {
    const { view, end } = this.#sorter.arena;
    const texts = this.#texts;
    const typeAt = numbers[first + TYPE] ?? 0;
    const typeBytes = numbers[first + TYPE_BYTES] ?? 0;
    const timestampAt = typeAt + typeBytes + TYPE_TO_TIMESTAMP;
    const timestampBytes = numbers[first + TIMESTAMP_BYTES] ?? 0;
    const contextAt = timestampAt + timestampBytes + TIMESTAMP_TO_CONTEXT;
    const contextBytes = numbers[first + CONTEXT_BYTES] ?? 0;
    const versionBytes = numbers[first + VERSION_BYTES] ?? 0;
    let at = end;
    view.setUint8(at++, OPEN_BRACKET);
    copyText(from, timestampAt, view, at, timestampBytes);
    at += timestampBytes;
    view.setUint8(at++, COMMA);
    copyText(from, typeAt, view, at, typeBytes);
    at += typeBytes;
    view.setUint8(at++, COMMA);
    copyText(from, contextAt, view, at, contextBytes);
    at += contextBytes;
    copyText(texts.view, 0, view, at, beforeBytes);
    at = writeInteger(view, at + beforeBytes, numbers[first + SEQUENCE] ?? 0);
    copyText(texts.view, beforeBytes, view, at, texts.length - beforeBytes);
    at += texts.length - beforeBytes;
    if (versionBytes > 0) {
      view.setUint8(at++, COMMA);
      copyText(from, contextAt + contextBytes + CONTEXT_TO_VERSION, view, at, versionBytes);
      at += versionBytes;
    }
    view.setUint8(at++, CLOSE_BRACKET);
    view.setUint8(at++, NEWLINE);
    return at;
  }
}

/** Of the texts of an event that a row has. */
function textBytes(numbers: Int32Array, first: number): number {
  return (
    (numbers[first + TYPE_BYTES] ?? 0) +
    (numbers[first + TIMESTAMP_BYTES] ?? 0) +
    (numbers[first + CONTEXT_BYTES] ?? 0) +
    (numbers[first + VERSION_BYTES] ?? 0)
  );
}

function jsonAt({ buffer, byteOffset }: DataView, at: number, length: number): unknown {
  return JSON.parse(Buffer.from(buffer, byteOffset + at, length).toString());
}
