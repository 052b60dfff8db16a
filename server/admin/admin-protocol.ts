import { isRecord } from '../../shared/text.ts';
import type { UserChange } from '../users/user-table.ts';

/** What a command-line tool asks of the running server: one JSON line. */
export type AdminRequest =
  { readonly command: 'user-put'; readonly user: UserChange } | { readonly command: 'user-list' };

/** What it answers: one JSON line. */
export type AdminAnswer =
  | { readonly ok: true; readonly users: readonly ListedUser[] }
  | { readonly ok: false; readonly message: string };

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
  const { user } = value;
  if (value['command'] !== 'user-put' || !isRecord(user)) return undefined;
  const { id, password, context, permissions } = user;
  if (typeof id !== 'string' || typeof password !== 'string' || typeof context !== 'string') return undefined;
  if (permissions !== null && typeof permissions !== 'string') return undefined;
  return { command: 'user-put', user: { id, password, context, permissions } };
}

/** The answer in a line; anything else is a failure. */
export function parseAdminAnswer(line: string): AdminAnswer {
  const value = parseJson(line);
  if (isRecord(value) && value['ok'] === true && Array.isArray(value['users'])) {
    const listed: readonly unknown[] = value['users'];
    return { ok: true, users: listed.filter(isListedUser) };
  }
  const message = isRecord(value) && typeof value['message'] === 'string' ? value['message'] : 'no answer';
  return { ok: false, message };
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
