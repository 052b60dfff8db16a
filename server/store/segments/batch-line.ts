import type { BatchContents, BatchIdentity, Rejection } from '../event-store.ts';
import type { Ledger } from '../../../shared/batch.ts';
import type { UsageEvent } from '../../../shared/event.ts';
import { checkedFields, fieldsText, HEAD_BYTES, sealLine } from './checked-line.ts';

/** The fields of a batch line that come before its events. */
export interface BatchHeader {
  /** Bytes of this segment that were durable when the line was written; on the first line of a group. */
  readonly durable?: number;
  /** The n-th batch ever stored; never reused. */
  readonly position: number;
  readonly batch: string;
  readonly parents?: readonly string[];
  readonly offset?: number;
  readonly received: number;
  readonly skew?: number;
  readonly fingerprint: string;
  readonly ledger?: Ledger;
}

/** What a start must know of a batch line. */
export interface BatchSummary extends BatchHeader {
  readonly rejectedCount: number;
}

/** A batch line, read. Absent is the same as empty. */
export interface BatchLine extends BatchHeader {
  readonly events: readonly UsageEvent[];
  readonly rejected?: readonly Rejection[];
}

/**
 * The part of a line that does not depend on its place in the file: JSON text in pieces, so that the events are
 * copied only once, into what is written.
 */
export interface BatchBody {
  /** ASCII. */
  readonly head: string;
  readonly events: Uint8Array;
  readonly tail: Uint8Array;
  /** Bytes of all pieces. */
  readonly length: number;
}

const NONE_REJECTED = Buffer.from(']}');
/** Of the line's two numbers with their keys, at the largest that they can be. */
const PLACE_BYTES = `"durable":${Number.MAX_SAFE_INTEGER},"position":${Number.MAX_SAFE_INTEGER},`.length;
/** The most that a line has beside its body. */
export const MAX_PLACED_BYTES = HEAD_BYTES + PLACE_BYTES + 1;

const EVENTS_KEY = Buffer.from(',"events":[');
// Inside of a text its quotes would be escaped, and an event's fields have other names.
const REJECTED_KEY = Buffer.from('],"rejected":[');

/**
 * A line is `v`, `crc`, `durable`?, `position`, `batch`, `parents`?, `offset`?, `received`, `skew`?,
 * `fingerprint`, `ledger`?, `events`, `rejected`?, always in this order.
 */
export function encodeBatchBody(identity: BatchIdentity, contents: BatchContents): BatchBody {
  const { batch, parents, offset, fingerprint } = identity;
  const { received, skew, ledger, events, rejected } = contents;
  let head = `"batch":"${batch}",`;
  if (parents.length > 0) head += `"parents":${JSON.stringify(parents)},"offset":${offset},`;
  head += `"received":${received},`;
  if (skew !== null) head += `"skew":${skew},`;
  head += `"fingerprint":"${fingerprint}"`;
  if (ledger !== null) head += `,"ledger":${JSON.stringify(ledger)}`;
  head += ',"events":[';
  const tail = rejected.length > 0 ? Buffer.from(`],"rejected":${JSON.stringify(rejected)}}`) : NONE_REJECTED;
  return { head, events, tail, length: head.length + events.length + tail.length };
}

/**
 * Writes a body's line into a buffer.
 *
 * @param durable - Given for the first line of a group only.
 * @param start - Where the line begins; room for it is there.
 * @returns The place behind the line.
 */
export function writeBatchLine(
  { head, events, tail }: BatchBody,
  position: number,
  durable: number | undefined,
  bytes: Buffer,
  start: number,
): number {
  const place =
    durable === undefined ? `"position":${position},` : `"durable":${durable},"position":${position},`;
  let end = start + HEAD_BYTES;
  end += bytes.write(place + head, end, 'latin1');
  bytes.set(events, end);
  end += events.length;
  bytes.set(tail, end);
  end += tail.length;
  return sealLine(bytes, start, end);
}

/** Reads all but the events, or undefined if the line is damaged. */
export function parseBatchSummary(line: Buffer): BatchSummary | undefined {
  const fields = checkedFields(line);
  const eventsAt = fields?.indexOf(EVENTS_KEY) ?? -1;
  if (fields === undefined || eventsAt < 0) return undefined;
  // The checksum says that we wrote it, and we write nothing else.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const header = JSON.parse(`${fieldsText(fields, eventsAt)}}`) as BatchHeader;
  const rejectedAt = fields.indexOf(REJECTED_KEY, eventsAt);
  if (rejectedAt < 0) return { ...header, rejectedCount: 0 };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { rejected = [] } = JSON.parse(`{${fields.toString('utf8', rejectedAt + 2)}`) as BatchLine;
  return { ...header, rejectedCount: rejected.length };
}

/** Reads a whole line, or undefined if it is damaged. */
export function parseBatchLine(line: Buffer): BatchLine | undefined {
  const fields = checkedFields(line);
  return fields === undefined ? undefined : parseBatchFields(fields);
}

/** @param fields - From `checkedFields`. */
export function parseBatchFields(fields: Buffer): BatchLine {
  // The checksum says that we wrote it, and we write nothing else.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(fieldsText(fields)) as BatchLine;
}

/** The stored events of a batch, each with the number that it was sent under. */
export function numberedEvents(
  line: BatchLine,
): readonly { readonly sequence: number; readonly event: UsageEvent }[] {
  const rejected = new Set((line.rejected ?? []).map(({ sequence }) => sequence));
  let sequence = -1;
  return line.events.map((event) => {
    do sequence++;
    while (rejected.has(sequence));
    return { sequence, event };
  });
}
