import { crc32 } from 'node:zlib';
import type { Rejection } from '../../event-store.ts';
import { numberedEvents, type BatchHeader, type BatchLine } from '../batch-line.ts';
import { checkedFields, fieldsText } from '../checked-line.ts';
import { LineEvents } from './line-events.ts';
import type { LogChunk } from './log-chunks.ts';
import { scanEvent } from './scan-event.ts';
import { newHeader, scanHeader } from './scan-header.ts';
import { Literal } from '../../../words.ts';
import { writeEvents } from './write-events.ts';

/** A batch line, its events as places in a view. */
export interface ScannedBatch extends BatchHeader {
  readonly rejected: readonly Rejection[];
  /** Valid until the next line is scanned. */
  readonly events: LineEvents;
  readonly view: DataView;
}

const HEAD = new Literal('{"v":1,"crc":"');
const CHECKSUM_DIGITS = 8;
/** Bytes of a line of this version before the fields that its checksum is of. */
export const FIELDS_AT = HEAD.length + CHECKSUM_DIGITS + 2;
const EVENTS_KEY = Buffer.from(',"events":[');
const REJECTED_KEY = ',"rejected":[';
const COMMA = 0x2c;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
const NO_REJECTIONS: readonly Rejection[] = [];

/** Finds the events in batch lines, without making objects of them where it can. */
export class LineScanner {
  readonly #events = new LineEvents();
  readonly #header = newHeader();

  /**
   * Scans a line of a chunk.
   *
   * @param end - Where the newline is that ends it.
   * @returns undefined if the line is damaged, anywhere but in its version.
   */
  scan(chunk: LogChunk, start: number, end: number): ScannedBatch | undefined {
    const { bytes } = chunk;
    if (hasChecksum(chunk, start, end)) {
      const fieldsAt = start + FIELDS_AT;
      const batch = this.#scanPlain(chunk, fieldsAt, end) ?? this.#scanNotable(chunk, fieldsAt, end);
      if (batch !== undefined) return batch;
    }
    const fields = checkedFields(bytes.subarray(start, end));
    const line = fields === undefined ? undefined : parseObject(fieldsText(fields));
    return line === undefined || !('events' in line) ? undefined : this.#scanParsed(line);
  }

  /** Whether a line is not damaged, anywhere but in its version; `end` as for `scan`. */
  isWhole(chunk: LogChunk, start: number, end: number): boolean {
    return hasChecksum(chunk, start, end) || checkedFields(chunk.bytes.subarray(start, end)) !== undefined;
  }

  /** A line of a batch and its events, nothing else; undefined if it is of another form. */
  #scanPlain({ bytes, view }: LogChunk, fieldsAt: number, end: number): ScannedBatch | undefined {
    const header = this.#header;
    if (!scanHeader(view, fieldsAt, header)) return undefined;
    // The last bytes are the bracket of the events and the brace of the line.
    if (this.#scanEvents(view, header.eventsAt) + 2 !== end) return undefined;
    if (view.getUint8(end - 1) !== CLOSE_BRACE) return undefined;
    const { position, received, skew } = header;
    const batch = bytes.toString('latin1', header.batchAt, header.batchEnd);
    const fingerprint = bytes.toString('latin1', header.fingerprintAt, header.fingerprintEnd);
    const rejected = NO_REJECTIONS;
    const events = this.#events;
    return skew === undefined
      ? { position, batch, received, fingerprint, rejected, events, view }
      : { position, batch, received, skew, fingerprint, rejected, events, view };
  }

  /** A line that has parents, a ledger or rejections besides; undefined if it is of another form. */
  #scanNotable({ bytes, view }: LogChunk, fieldsAt: number, end: number): ScannedBatch | undefined {
    const headerEnd = bytes.indexOf(EVENTS_KEY, fieldsAt);
    if (headerEnd < 0 || headerEnd > end) return undefined;
    const header = parseObject(`{${bytes.toString('utf8', fieldsAt, headerEnd)}}`);
    const eventsEnd = this.#scanEvents(view, headerEnd + EVENTS_KEY.length);
    // If rejections come before the events, they are not where they are looked for.
    if (header === undefined || 'rejected' in header || eventsEnd < 0 || eventsEnd >= end) return undefined;
    const rejected = parseRejected(bytes.toString('utf8', eventsEnd + 1, end));
    if (rejected === undefined) return undefined;
    this.#events.renumber(new Set(rejected.map(({ sequence }) => sequence)));
    return { ...header, rejected, events: this.#events, view };
  }

  /** The way for lines of any form: with the same result, only slower. */
  #scanParsed(line: BatchLine): ScannedBatch {
    const { events: _, rejected = NO_REJECTIONS, ...header } = line;
    const view = writeEvents(numberedEvents(line), this.#events);
    return { ...header, rejected, events: this.#events, view };
  }

  /** Finds the events of a list; returns where its closing bracket is, or -1. */
  #scanEvents(view: DataView, start: number): number {
    const events = this.#events;
    events.count = 0;
    let at = start;
    while (view.getUint8(at) !== CLOSE_BRACKET) {
      if (events.count > 0 && view.getUint8(at++) !== COMMA) return -1;
      at = scanEvent(view, at, events);
      if (at < 0) return -1;
    }
    return at;
  }
}

/** Whether a line has the head of this version, and the checksum in it is right. */
export function hasChecksum({ bytes, view }: LogChunk, start: number, end: number): boolean {
  const fieldsAt = start + FIELDS_AT;
  return (
    end > fieldsAt &&
    HEAD.isAt(view, start) &&
    crc32(bytes.subarray(fieldsAt, end)) === checksumAt(view, start + HEAD.length)
  );
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

/** @param rest - A line's text behind its events. */
function parseRejected(rest: string): readonly Rejection[] | undefined {
  if (rest === '}') return NO_REJECTIONS;
  return rest.startsWith(REJECTED_KEY) ? parseObject(`{${rest.slice(1)}`)?.rejected : undefined;
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
