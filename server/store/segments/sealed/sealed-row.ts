import { isUtf8 } from 'node:buffer';
import { LEDGER_KEYS, type Ledger } from '../../../../shared/batch.ts';
import { isRecord } from '../../../../shared/text.ts';
import type { Rejection } from '../../event-store.ts';

/** Whose a row of the mixed cluster is. */
export interface RowCodes {
  readonly customer: string;
  readonly product: string;
}

/**
 * A row of a sealed segment: an event without what its cluster says of it, then its identity, and
 * what was stored beside it. The version is there where the event has one, null or not; in the mixed
 * cluster the codes are in its place, and it comes behind them.
 */
export type SealedRow = readonly [
  timestamp: number,
  type: string,
  context: readonly (string | null)[],
  batch: string,
  sequence: number,
  position: number,
  received: number,
  skew: number | null,
  versionOrCodes?: string | null | RowCodes,
  version?: string | null,
];

/** What a sealed segment keeps of a batch besides its events, if there is anything. */
export interface SealedBatchLine {
  readonly position: number;
  readonly batch: string;
  readonly parents?: readonly string[];
  readonly offset?: number;
  readonly received: number;
  readonly skew?: number;
  readonly fingerprint: string;
  readonly ledger?: Ledger;
  readonly rejected?: readonly Rejection[];
}

const ROW_START = '[';
const BATCH_START = '{"position":';
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
const MAX_DIGITS = 15;

/** The timestamp of the row that begins at a place. */
export function rowTimestamp(lines: Buffer, at: number): number {
  return numberAt(lines, at + ROW_START.length);
}

/** The position in the line about a batch that begins at a place. */
export function batchPosition(lines: Buffer, at: number): number {
  return numberAt(lines, at + BATCH_START.length);
}

/** The number at a place, as far as its comma. */
function numberAt(lines: Buffer, at: number): number {
  let value = 0;
  for (let index = at; index < at + MAX_DIGITS; index++) {
    const byte = lines[index] ?? 0;
    if (byte === COMMA) return value;
    if (byte < ZERO || byte > NINE) break;
    value = value * 10 + (byte - ZERO);
  }
  // Of another form, or with more digits than are exact when they are added up.
  return Number(lines.toString('latin1', at, lines.indexOf(COMMA, at)));
}

/** The order of rows in a cluster: by (timestamp, batch, sequence). */
export function compareRows(a: SealedRow, b: SealedRow): number {
  if (a[0] !== b[0]) return a[0] - b[0];
  if (a[3] !== b[3]) return a[3] < b[3] ? -1 : 1;
  return a[4] - b[4];
}

/** A row in a line, without its newline, that may be damaged; undefined if it has not the form of one. */
export function readRow(line: Buffer): SealedRow | undefined {
  const value = readJson(line);
  return isRow(value) ? value : undefined;
}

/** The same of a line about a batch. */
export function readSealedBatch(line: Buffer): SealedBatchLine | undefined {
  const value = readJson(line);
  return isSealedBatch(value) ? value : undefined;
}

function readJson(line: Buffer): unknown {
  // Damage must not come back as the character that replaces what is no text.
  return isUtf8(line) ? parseJson(line.toString()) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Damaged bytes are no JSON; the caller tells where they are.
    return undefined;
  }
}

function isRow(value: unknown): value is SealedRow {
  if (!Array.isArray(value) || value.length < 8) return false;
  const items: readonly unknown[] = value;
  const [timestamp, type, context, batch, sequence, position, received, skew, ...rest] = items;
  const [version = null, ...others] = isCodes(rest[0]) ? rest.slice(1) : rest;
  return (
    [timestamp, sequence, position, received].every(Number.isFinite) &&
    typeof type === 'string' &&
    typeof batch === 'string' &&
    (skew === null || Number.isFinite(skew)) &&
    isText(version) &&
    others.length === 0 &&
    Array.isArray(context) &&
    context.every(isText)
  );
}

function isCodes(value: unknown): value is RowCodes {
  return isRecord(value) && typeof value['customer'] === 'string' && typeof value['product'] === 'string';
}

function isSealedBatch(value: unknown): value is SealedBatchLine {
  if (!isRecord(value)) return false;
  const { position, batch, received, fingerprint, ledger, rejected = [], parents = [] } = value;
  return (
    Number.isFinite(position) &&
    Number.isFinite(received) &&
    typeof batch === 'string' &&
    typeof fingerprint === 'string' &&
    Array.isArray(rejected) &&
    Array.isArray(parents) &&
    (ledger === undefined || (isRecord(ledger) && LEDGER_KEYS.every((key) => Number.isFinite(ledger[key]))))
  );
}

function isText(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}
