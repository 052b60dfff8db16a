import { isRecord } from '../../shared/text.ts';
import type { UserChange } from '../users/user-table.ts';
import { isLocalReport, type LocalReport } from './admin-report.ts';

/** What a command-line tool asks of the running server: one JSON line. */
export type AdminRequest =
  | { readonly command: 'user-put'; readonly user: UserChange }
  | { readonly command: 'user-list' }
  | { readonly command: 'erase'; readonly what: ErasureWish }
  | { readonly command: 'erasure-list' }
  | { readonly command: 'report-begin'; readonly request: unknown }
  | { readonly command: 'report-track' | 'report-remove'; readonly source: string };

/** What it answers: one JSON line. */
export type AdminAnswer =
  | {
      readonly ok: true;
      readonly users: readonly ListedUser[];
      readonly erasures: readonly ListedErasure[];
      /** Number of the erasure that was begun; null if none was. */
      readonly begun: number | null;
      /** Damaged files that are kept aside, and may hold what was erased. */
      readonly keptAside: number;
      /** The report that was asked for or about; null if there is none. */
      readonly report: LocalReport | null;
    }
  | { readonly ok: false; readonly message: string };

/** Which events are to be erased: all of a customer, or fewer. */
export interface ErasureWish {
  readonly customer: string;
  /** Only those with a timestamp below it, in milliseconds since the Unix epoch. */
  readonly before?: number;
  /** Only those that have a value under a key of their context, as the catalog names it. */
  readonly key?: { readonly name: string; readonly value: string };
}

/** An erasure, and how far it has come. */
export interface ListedErasure {
  readonly number: number;
  readonly customer: string;
  readonly askedMs: number;
  /** Null while files are still being rewritten. */
  readonly doneMs: number | null;
  readonly events: number;
  /** What keeps it from its end, in words for the person who asked; absent if nothing does but time. */
  readonly waitsFor?: string;
}

export interface ListedUser {
  readonly id: string;
  readonly context: string;
  readonly permissions: string | null;
}

/** The request in a line, or undefined if it is none. */
export function parseAdminRequest(line: string): AdminRequest | undefined {
  const value = parseJson(line);
  if (!isRecord(value)) return undefined;
  if (value['command'] === 'user-list') return { command: 'user-list' };
  if (value['command'] === 'erasure-list') return { command: 'erasure-list' };
  if (value['command'] === 'erase') {
    const what = parseErasureWish(value['what']);
    return what && { command: 'erase', what };
  }
  if (value['command'] === 'report-begin') return { command: 'report-begin', request: value['request'] };
  const { user, source } = value;
  if (value['command'] === 'report-track' || value['command'] === 'report-remove')
    return typeof source === 'string' ? { command: value['command'], source } : undefined;
  if (value['command'] !== 'user-put' || !isRecord(user)) return undefined;
  const { id, password, context, permissions } = user;
  if (typeof id !== 'string' || typeof password !== 'string' || typeof context !== 'string') return undefined;
  if (permissions !== null && typeof permissions !== 'string') return undefined;
  return { command: 'user-put', user: { id, password, context, permissions } };
}

function parseErasureWish(value: unknown): ErasureWish | undefined {
  if (!isRecord(value)) return undefined;
  const { customer, before, key } = value;
  if (typeof customer !== 'string' || customer === '') return undefined;
  if (before !== undefined && !Number.isSafeInteger(before)) return undefined;
  const wish = { customer, ...(typeof before === 'number' && { before }) };
  if (key === undefined) return wish;
  if (!isRecord(key)) return undefined;
  const { name, value: wanted } = key;
  if (typeof name !== 'string' || typeof wanted !== 'string') return undefined;
  return { ...wish, key: { name, value: wanted } };
}

/** The answer in a line; anything else is a failure. */
export function parseAdminAnswer(line: string): AdminAnswer {
  const value = parseJson(line);
  if (isRecord(value) && value['ok'] === true) {
    const users = listOf(value['users']).filter(isListedUser);
    const erasures = listOf(value['erasures']).filter(isListedErasure);
    const { begun, keptAside, report } = value;
    return {
      ok: true,
      users,
      erasures,
      begun: typeof begun === 'number' ? begun : null,
      keptAside: typeof keptAside === 'number' ? keptAside : 0,
      report: isLocalReport(report) ? report : null,
    };
  }
  const message = isRecord(value) && typeof value['message'] === 'string' ? value['message'] : 'no answer';
  return { ok: false, message };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isListedErasure(value: unknown): value is ListedErasure {
  return (
    isRecord(value) &&
    typeof value['customer'] === 'string' &&
    [value['number'], value['askedMs'], value['events'], value['doneMs'] ?? 0].every(Number.isSafeInteger) &&
    ['undefined', 'string'].includes(typeof value['waitsFor'])
  );
}

function isListedUser(value: unknown): value is ListedUser {
  return isRecord(value) && typeof value['id'] === 'string' && typeof value['context'] === 'string';
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Whoever sent it is told so by the caller.
    return undefined;
  }
}
