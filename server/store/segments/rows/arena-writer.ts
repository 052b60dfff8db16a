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
  type LineEvents,
} from '../sealed/line-events.ts';
import type { ScannedBatch } from '../sealed/line-scanner.ts';
import { CONTEXT_TO_VERSION, TIMESTAMP_TO_CONTEXT, TYPE_TO_TIMESTAMP } from '../sealed/scan-event.ts';
import type { PlainHeader } from '../sealed/scan-header.ts';
import { areSame, copyText, viewOf, WORD_SLACK_BYTES, writeInteger } from '../../../words.ts';
import type { RowArena } from './row-arena.ts';
import type { RowFilter } from './row-filter.ts';

const NEWLINE = 0x0a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
/** Brackets, commas, a newline and a sequence of a row, and words' slack. */
const ROW_OVERHEAD_BYTES = 32 + WORD_SLACK_BYTES;
/** More than three integers and commas. */
const MAX_NUMBERS_BYTES = 64;

/** Writes rows of events in batch lines: those that a report gets. */
export class ArenaWriter {
  readonly #filter: RowFilter;
  readonly #arena: RowArena;
  /** Code, key between, and code, as an event has them. */
  readonly #product: DataView;
  readonly #productBytes: number;
  /** What the rows of a batch have in common: before the sequence, and behind it. */
  readonly #texts = new GrowingBuffer(256);
  #beforeBytes = 0;
  #position = 0;

  constructor(filter: RowFilter, arena: RowArena) {
    const { customer, product } = filter;
    this.#filter = filter;
    this.#arena = arena;
    const codes = Buffer.from(JSON.stringify({ customer, product }).slice('{"customer":"'.length, -2));
    this.#productBytes = codes.length;
    this.#product = viewOf(Buffer.concat([codes, Buffer.alloc(WORD_SLACK_BYTES)]));
  }

  /** Begins with the events of a batch. */
  begin({ batch, position, received, skew }: ScannedBatch): void {
    this.#position = position;
    this.#texts.clear();
    this.#beforeBytes = this.#texts.append(`,${JSON.stringify(batch)},`);
    this.#texts.append(`,${position},${received},${skew ?? null}`);
  }

  /** The same without making texts on the heap. @param view - Where the header was found. */
  beginPlain(view: DataView, { batchAt, batchEnd, position, received, skew }: PlainHeader): void {
    this.#position = position;
    const texts = this.#texts;
    const batchBytes = batchEnd - batchAt;
    texts.clear();
    texts.reserve(batchBytes + MAX_NUMBERS_BYTES);
    const to = texts.view;
    to.setUint8(0, COMMA);
    // With its quotes.
    copyText(view, batchAt - 1, to, 1, batchBytes + 2);
    this.#beforeBytes = batchBytes + 4;
    let at = this.#beforeBytes;
    to.setUint8(at - 1, COMMA);
    to.setUint8(at++, COMMA);
    at = writeInteger(to, at, position);
    to.setUint8(at++, COMMA);
    at = writeInteger(to, at, received);
    to.setUint8(at++, COMMA);
    at = skew === undefined ? writeNull(to, at) : writeInteger(to, at, skew);
    texts.extend(at);
  }

  /**
   * Adds rows of the events from one on to the arena, as long as there is room.
   *
   * @param group - See `RowArena.add`.
   * @returns How many of the events are done.
   */
  add(view: DataView, { numbers, timestamps, count }: LineEvents, from: number, group: number): number {
    if (this.#position > this.#filter.position) return count;
    const arena = this.#arena;
    for (let event = from; event < count; event++) {
      const first = event * EVENT_NUMBERS;
      const timestamp = timestamps[event] ?? 0;
      if (!this.#wants(view, numbers, first, timestamp)) continue;
      if (!arena.hasRoom(this.#maxBytes(numbers, first))) return event;
      arena.add(this.#write(view, numbers, first), timestamp, group);
    }
    return count;
  }

  /** More than the bytes of an event's row. */
  maxBytesOf({ numbers }: LineEvents, event: number): number {
    return this.#maxBytes(numbers, event * EVENT_NUMBERS);
  }

  #maxBytes(numbers: Int32Array, first: number): number {
    return (
      ROW_OVERHEAD_BYTES +
      this.#texts.length +
      (numbers[first + TYPE_BYTES] ?? 0) +
      (numbers[first + TIMESTAMP_BYTES] ?? 0) +
      (numbers[first + CONTEXT_BYTES] ?? 0) +
      (numbers[first + VERSION_BYTES] ?? 0)
    );
  }

  #wants(view: DataView, numbers: Int32Array, first: number, timestamp: number): boolean {
    const filter = this.#filter;
    const productAt = numbers[first + PRODUCT] ?? 0;
    if (timestamp < filter.start || timestamp > filter.end) return false;
    if (numbers[first + PRODUCT_BYTES] !== this.#productBytes) return false;
    if (!areSame(this.#product, 0, view, productAt, this.#productBytes)) return false;
    const typeAt = numbers[first + TYPE] ?? 0;
    const typeBytes = numbers[first + TYPE_BYTES] ?? 0;
    if (!filter.wantsType(view, typeAt, typeBytes)) return false;
    if (!filter.mayBeErased(timestamp, this.#position)) return true;
    const contextAt =
      typeAt + typeBytes + TYPE_TO_TIMESTAMP + (numbers[first + TIMESTAMP_BYTES] ?? 0) + TIMESTAMP_TO_CONTEXT;
    const type = String(jsonAt(view, typeAt, typeBytes));
    // The scanner found it to be a list of texts and nulls.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const context = jsonAt(view, contextAt, numbers[first + CONTEXT_BYTES] ?? 0) as readonly (
      string | null
    )[];
    return filter.wantsEvent({ type, timestamp, context }, this.#position);
  }

  /** Writes a row where the arena's next one begins; returns where it ends. */
  #write(from: DataView, numbers: Int32Array, first: number): number {
    const { view, end } = this.#arena;
    const texts = this.#texts;
    const beforeBytes = this.#beforeBytes;
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

function writeNull(view: DataView, at: number): number {
  view.setUint32(at, 0x6e756c6c);
  return at + 4;
}

function jsonAt({ buffer, byteOffset }: DataView, at: number, length: number): unknown {
  return JSON.parse(Buffer.from(buffer, byteOffset + at, length).toString());
}
