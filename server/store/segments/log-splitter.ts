import { crc32 } from 'node:zlib';
import type { Ledger } from '../../../shared/batch.ts';
import type { UsageEvent } from '../../../shared/event.ts';
import type { Rejection } from '../event-store.ts';
import { numberedEvents, type BatchLine } from './batch-line.ts';
import { checkedFields, fieldsText } from './checked-line.ts';
import type { LogColumns } from './log-columns.ts';
import { newSpans, scanEvent } from './scan-event.ts';
import { FINGERPRINT_BYTES, newHeaderSpans, scanHeader, UUID_BYTES } from './scan-header.ts';
import { utcDay } from './sealed-day.ts';
import { Literal } from './words.ts';

/** What a batch line says besides its events. */
export interface SplitBatch {
  readonly position: number;
  readonly batch: string;
  readonly parents?: readonly string[] | undefined;
  readonly offset?: number | undefined;
  readonly fingerprint: string;
  readonly ledger?: Ledger | undefined;
  /** Events as sent: stored and refused. */
  readonly count: number;
  readonly rejected: readonly Rejection[];
  /** Where in the source its events are, between the brackets; undefined if the line is not of the usual form. */
  readonly events?: readonly [start: number, end: number];
}

const HEAD = new Literal('{"v":1,"crc":"');
const CHECKSUM_DIGITS = 8;
const FIELDS_AT = HEAD.length + CHECKSUM_DIGITS + 2;
const EVENTS_KEY = Buffer.from(',"events":[');
const REJECTED_KEY = new Literal('],"rejected":[');
const COMMA = 0x2c;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
const NO_REJECTIONS: readonly Rejection[] = [];

/** Takes batch lines apart into columns. */
export class LogSplitter {
  readonly #columns: LogColumns;
  readonly #spans = newSpans();
  readonly #header = newHeaderSpans();

  constructor(columns: LogColumns) {
    this.#columns = columns;
  }

  /**
   * Adds the events of a line of the source.
   *
   * @param end - Where the newline is that ends it.
   * @returns undefined, and nothing is added, if the line is damaged.
   * @throws Error if the line is whole but of another version.
   */
  split(start: number, end: number): SplitBatch | undefined {
    const { source, sourceView, rowCount } = this.#columns;
    const fieldsAt = start + FIELDS_AT;
    const isWhole =
      end > fieldsAt &&
      HEAD.isAt(sourceView, start) &&
      crc32(source.subarray(fieldsAt, end)) === checksumAt(sourceView, start + HEAD.length);
    if (isWhole) {
      const batch = this.#splitUsual(fieldsAt, end) ?? this.#splitNotable(fieldsAt, end);
      if (batch !== undefined) return batch;
      this.#columns.rowCount = rowCount;
    }
    const fields = checkedFields(source.subarray(start, end));
    const line = fields === undefined ? undefined : parseObject(fieldsText(fields));
    return line === undefined ? undefined : this.#splitParsed(line);
  }

  /** A line of nothing but a batch that is whole by itself; undefined if it is of another form. */
  #splitUsual(fieldsAt: number, end: number): SplitBatch | undefined {
    const columns = this.#columns;
    const { source, sourceView, rowCount } = columns;
    const header = this.#header;
    if (!scanHeader(sourceView, fieldsAt, header)) return undefined;
    const eventsEnd = this.#addEvents(header.eventsStart, utcDay(header.received));
    // The last bytes are the bracket of the events and the brace of the line.
    if (eventsEnd < 0 || eventsEnd + 2 !== end || sourceView.getUint8(eventsEnd + 1) !== CLOSE_BRACE) {
      columns.rowCount = rowCount;
      return undefined;
    }
    const { position, batchStart, fingerprintStart } = header;
    const batch = source.toString('latin1', batchStart, batchStart + UUID_BYTES);
    columns.endScannedBatch(batch, header);
    return {
      position,
      batch,
      fingerprint: source.toString('latin1', fingerprintStart, fingerprintStart + FINGERPRINT_BYTES),
      count: columns.rowCount - rowCount,
      rejected: NO_REJECTIONS,
    };
  }

  /** A line with parents, a ledger or rejections; undefined if it is of another form. */
  #splitNotable(fieldsAt: number, end: number): SplitBatch | undefined {
    const columns = this.#columns;
    const { source, rowCount } = columns;
    const headerEnd = source.indexOf(EVENTS_KEY, fieldsAt);
    if (headerEnd < 0 || headerEnd > end) return undefined;
    const header = parseObject(`{${source.toString('utf8', fieldsAt, headerEnd)}}`);
    // Then the rejections come not at their place.
    if (header === undefined || 'rejected' in header) return undefined;
    const eventsStart = headerEnd + EVENTS_KEY.length;
    const eventsEnd = this.#addEvents(eventsStart, utcDay(header.received));
    const rejected = eventsEnd < 0 || eventsEnd >= end ? undefined : this.#rejected(eventsEnd, end);
    if (rejected === undefined) return undefined;
    if (rejected.length > 0) columns.renumber(rowCount, new Set(rejected.map(({ sequence }) => sequence)));
    columns.endBatch(header);
    const count = columns.rowCount - rowCount + rejected.length;
    return { ...header, count, rejected, events: [eventsStart, eventsEnd] };
  }

  /** What is behind a line's events: undefined if it is anything but rejections or nothing. */
  #rejected(eventsEnd: number, end: number): readonly Rejection[] | undefined {
    const { source, sourceView } = this.#columns;
    if (eventsEnd + 2 === end)
      return sourceView.getUint8(end - 1) === CLOSE_BRACE ? NO_REJECTIONS : undefined;
    if (!REJECTED_KEY.isAt(sourceView, eventsEnd)) return undefined;
    return parseObject(`{${source.toString('utf8', eventsEnd + 2, end)}`)?.rejected;
  }

  /** Adds what is between the brackets of a list of events; returns where it ends, or -1. */
  #addEvents(start: number, receivedDay: number): number {
    const columns = this.#columns;
    const { sourceView } = columns;
    const spans = this.#spans;
    let at = start;
    for (let sequence = 0; sourceView.getUint8(at) !== CLOSE_BRACKET; sequence++) {
      if (sequence > 0 && sourceView.getUint8(at++) !== COMMA) return -1;
      at = scanEvent(sourceView, at, spans);
      if (at < 0) return -1;
      columns.addRow(sourceView, spans, 0, sequence, receivedDay);
    }
    return at;
  }

  /** The way for lines of any form: with the same result, only slower. */
  #splitParsed(line: BatchLine): SplitBatch {
    const columns = this.#columns;
    const { events, rejected = NO_REJECTIONS, ...header } = line;
    const day = utcDay(header.received);
    for (const { event, sequence } of numberedEvents(line)) {
      this.#writeAnew(event);
      columns.addRow(columns.extra.view, this.#spans, columns.sourceLength, sequence, day);
    }
    columns.endBatch(header);
    return { ...header, count: events.length + rejected.length, rejected };
  }

  /** Puts an event's text where the columns keep those that are not in the source as they should be. */
  #writeAnew({ customer, product, type, timestamp, context, version }: UsageEvent): void {
    const { extra } = this.#columns;
    const spans = this.#spans;
    const time = JSON.stringify(timestamp);
    extra.append('{"customer":"');
    spans.productStart = extra.length;
    extra.append(`${JSON.stringify(customer).slice(1)},"product":${JSON.stringify(product).slice(0, -1)}`);
    spans.productEnd = extra.length;
    extra.append('","type":');
    spans.typeStart = extra.length;
    extra.append(JSON.stringify(type));
    spans.typeEnd = extra.length;
    spans.timestamp = timestamp;
    spans.timestampBytes = time.length;
    extra.append(`,"timestamp":${time},"context":`);
    spans.contextStart = extra.length;
    extra.append(JSON.stringify(context));
    spans.contextEnd = extra.length;
    if (version !== undefined) extra.append(`,"version":${JSON.stringify(version)}`);
    spans.end = extra.length;
    extra.append('}');
  }
}

/** The 8 hex digits at a place as a number; one that no checksum equals if they are none. */
function checksumAt(view: DataView, at: number): number {
  let value = 0;
  for (let index = at; index < at + CHECKSUM_DIGITS; index++) {
    const byte = view.getUint8(index);
    if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30;
    else if (byte >= 0x61 && byte <= 0x66) value = value * 16 + byte - 0x57;
    else return -1;
  }
  return value;
}

function parseObject(text: string): BatchLine | undefined {
  try {
    // The checksum says that we wrote it, and we write nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return JSON.parse(text) as BatchLine;
  } catch {
    // A part that is no JSON by itself, or damage that the checksum did not show.
    return undefined;
  }
}
