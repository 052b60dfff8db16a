import type { BatchContents, BatchIdentity, Rejection } from '../event-store.ts';
import type { Ledger } from '../../../shared/batch.ts';
import type { UsageEvent } from '../../../shared/event.ts';
import { checkedFields, encodeCheckedLine, fieldsText } from './checked-line.ts';

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

const EVENTS_KEY = Buffer.from(',"events":[');
// Inside of a text its quotes would be escaped, and an event's fields have other names.
const REJECTED_KEY = Buffer.from('],"rejected":[');

/**
 * The part of a line that does not depend on its place in the file, as bytes.
 *
 * A line is `v`, `crc`, `durable`?, `position`, `batch`, `parents`?, `offset`?, `received`, `skew`?,
 * `fingerprint`, `ledger`?, `events`, `rejected`?, always in this order.
 */
export function encodeBatchBody(identity: BatchIdentity, contents: BatchContents): Buffer {
  const { batch, parents, offset, fingerprint } = identity;
  const { received, skew, ledger, events, rejected } = contents;
  let text = `"batch":"${batch}",`;
  if (parents.length > 0) text += `"parents":${JSON.stringify(parents)},"offset":${offset},`;
  text += `"received":${received},`;
  if (skew !== null) text += `"skew":${skew},`;
  text += `"fingerprint":"${fingerprint}"`;
  if (ledger !== null) text += `,"ledger":${JSON.stringify(ledger)}`;
  const tail = rejected.length > 0 ? `],"rejected":${JSON.stringify(rejected)}}` : ']}';
  return Buffer.concat([Buffer.from(`${text},"events":[`), events, Buffer.from(tail)]);
}

/** @param durable - Given for the first line of a group only. */
export function encodeBatchLine(body: Buffer, position: number, durable: number | undefined): Buffer {
  const place =
    durable === undefined ? `"position":${position},` : `"durable":${durable},"position":${position},`;
  return encodeCheckedLine([Buffer.from(place, 'latin1'), body]);
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
