import { crc32 } from 'node:zlib';
import type { UsageEvent } from '../../../shared/event.ts';
import type { Rejection } from '../event-store.ts';
import { numberedEvents, type BatchHeader, type BatchLine } from './batch-line.ts';
import { checkedFields, fieldsText } from './checked-line.ts';
import type { LogColumns } from './log-columns.ts';
import { isAt, newSpans, scanEvent } from './scan-event.ts';
import { scanHeader } from './scan-header.ts';
import { utcDay } from './sealed-day.ts';

/** What a batch line says besides its events. */
export interface SplitBatch extends BatchHeader {
  /** Events as sent: stored and refused. */
  readonly count: number;
  readonly rejected: readonly Rejection[];
  /** Where in the source its events are, between the brackets; undefined if the line is not of the usual form. */
  readonly events?: readonly [start: number, end: number];
}

const HEAD = Buffer.from('{"v":1,"crc":"');
const CHECKSUM_DIGITS = 8;
const FIELDS_AT = HEAD.length + CHECKSUM_DIGITS + 2;
const EVENTS_KEY = Buffer.from(',"events":[');
const REJECTED_KEY = Buffer.from('],"rejected":[');
const LINE_END = Buffer.from(']}');
const COMMA = 0x2c;
const CLOSE_BRACKET = 0x5d;
const NO_REJECTIONS: readonly Rejection[] = [];

/** Takes batch lines apart into columns. */
export class LogSplitter {
  readonly #columns: LogColumns;
  readonly #spans = newSpans();

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
    const { source } = this.#columns;
    const fieldsAt = start + FIELDS_AT;
    const isWhole =
      end > fieldsAt &&
      isAt(source, start, HEAD) &&
      crc32(source.subarray(fieldsAt, end)) === checksumAt(source, start + HEAD.length);
    const usual = isWhole ? this.#splitUsual(fieldsAt, end) : undefined;
    if (usual !== undefined) return usual;
    const fields = checkedFields(source.subarray(start, end));
    const line = fields === undefined ? undefined : parseObject(fieldsText(fields));
    return line === undefined ? undefined : this.#addParsed(line);
  }

  /** Adds the events without making objects of them; undefined if the line is not of the usual form. */
  #splitUsual(fieldsAt: number, end: number): SplitBatch | undefined {
    const columns = this.#columns;
    const { source, rowCount } = columns;
    const plain = scanHeader(source, fieldsAt);
    const header = plain?.header ?? parseHeader(source, fieldsAt, end);
    if (header === undefined) return undefined;
    const eventsAt = plain?.eventsAt ?? source.indexOf(EVENTS_KEY, fieldsAt) + EVENTS_KEY.length;
    const eventsEnd = this.#addEvents(eventsAt, utcDay(header.received));
    const rejected = eventsEnd < 0 ? undefined : parseRejected(source, eventsEnd, end);
    if (rejected === undefined) {
      columns.rowCount = rowCount;
      return undefined;
    }
    if (rejected.length > 0) columns.renumber(rowCount, new Set(rejected.map(({ sequence }) => sequence)));
    const count = columns.rowCount - rowCount + rejected.length;
    columns.endBatch(header);
    return { ...header, count, rejected, events: [eventsAt, eventsEnd] };
  }

  /** Adds what is between the brackets of a list of events; returns where it ends, or -1. */
  #addEvents(start: number, receivedDay: number): number {
    const columns = this.#columns;
    const { source } = columns;
    const spans = this.#spans;
    let at = start;
    for (let sequence = 0; source[at] !== CLOSE_BRACKET; sequence++) {
      if (sequence > 0 && source[at++] !== COMMA) return -1;
      at = scanEvent(source, at, spans);
      if (at < 0) return -1;
      columns.addRow(source, spans, 0, sequence, receivedDay);
    }
    return at;
  }

  /** The way for lines of any form: with the same result, only slower. */
  #addParsed(line: BatchLine): SplitBatch {
    const columns = this.#columns;
    const { events, rejected = NO_REJECTIONS, ...header } = line;
    const day = utcDay(header.received);
    for (const { event, sequence } of numberedEvents(line)) {
      this.#writeAnew(event);
      columns.addRow(columns.extra.bytes, this.#spans, columns.sourceLength, sequence, day);
    }
    columns.endBatch(header);
    return { ...header, count: events.length + rejected.length, rejected };
  }

  /** Puts an event's text where the columns keep those that are not in the source as they should be. */
  #writeAnew({ customer, product, type, timestamp, context, version }: UsageEvent): void {
    const { extra } = this.#columns;
    const spans = this.#spans;
    extra.append('{"customer":"');
    spans.productStart = extra.length;
    extra.append(`${JSON.stringify(customer).slice(1)},"product":${JSON.stringify(product).slice(0, -1)}`);
    spans.productEnd = extra.length;
    extra.append('","type":');
    spans.typeStart = extra.length;
    extra.append(JSON.stringify(type));
    spans.typeEnd = extra.length;
    spans.timestamp = timestamp;
    extra.append(`,"timestamp":${JSON.stringify(timestamp)},"context":`);
    spans.contextStart = extra.length;
    extra.append(JSON.stringify(context));
    spans.contextEnd = extra.length;
    if (version !== undefined) extra.append(`,"version":${JSON.stringify(version)}`);
    spans.end = extra.length;
    extra.append('}');
  }
}

/** The 8 hex digits at a place as a number; one that no checksum equals if they are none. */
function checksumAt(bytes: Buffer, at: number): number {
  let value = 0;
  for (let index = at; index < at + CHECKSUM_DIGITS; index++) {
    const byte = bytes[index] ?? 0;
    const digit = byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : byte - 0x30;
    if (digit < 0 || digit > 15 || (digit > 9 && byte < 0x61)) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function parseHeader(bytes: Buffer, start: number, end: number): BatchHeader | undefined {
  const eventsAt = bytes.indexOf(EVENTS_KEY, start);
  if (eventsAt < 0 || eventsAt > end) return undefined;
  const header = parseObject(`{${bytes.toString('utf8', start, eventsAt)}}`);
  // Then the events come not at their place.
  return header === undefined || 'rejected' in header ? undefined : header;
}

/** What is behind a line's events: undefined if it is anything but rejections or nothing. */
function parseRejected(bytes: Buffer, start: number, end: number): readonly Rejection[] | undefined {
  if (start + LINE_END.length === end && isAt(bytes, start, LINE_END)) return NO_REJECTIONS;
  if (!isAt(bytes, start, REJECTED_KEY)) return undefined;
  return parseObject(`{${bytes.toString('utf8', start + 2, end)}`)?.rejected;
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
