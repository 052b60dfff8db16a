import { isDiskFailure, toAppError } from '../disk-errors.ts';
import type { UserTable } from '../users/user-table.ts';
import { AppError } from '../errors.ts';
import type { AdminAnswer, AdminRequest, ErasureWish, ListedErasure } from './admin-protocol.ts';
import type { Reporter } from './admin-report.ts';

/** Whoever can erase events. */
export interface Eraser {
  /**
   * Begins to erase; resolves when no report will show the events any more.
   *
   * @returns The erasure's number.
   * @throws Error in words for the person who asked.
   */
  erase(what: ErasureWish): Promise<number>;
  /** Every erasure that was ever begun, oldest first. */
  list(): readonly ListedErasure[];
  /** How many damaged files are kept aside, which may hold what was erased. */
  keptAside(): Promise<number>;
}

/** What requests are carried out on, by whoever owns it: the running server or a tool without one. */
export interface AdminTarget {
  readonly users: UserTable;
  readonly eraser: Eraser;
  readonly reporter: Reporter;
}

/** Carries out a request; never rejects. */
export async function runAdminRequest(
  request: AdminRequest,
  { users, eraser, reporter }: AdminTarget,
): Promise<AdminAnswer> {
  try {
    let begun: number | null = null;
    let source = 'source' in request ? request.source : '';
    if (request.command === 'user-put') await users.put(request.user);
    if (request.command === 'erase') begun = await eraser.erase(request.what);
    if (request.command === 'report-begin') source = await reporter.begin(request.request);
    if (request.command === 'report-remove') await reporter.remove(request.source);
    return {
      ok: true,
      users: users.list().map(({ id, context, permissions }) => ({ id, context, permissions })),
      erasures: eraser.list(),
      begun,
      keptAside: await eraser.keptAside(),
      report: reporter.track(source),
    };
  } catch (error) {
    return { ok: false, message: wordsFor(error) };
  }
}

function wordsFor(error: unknown): string {
  if (isDiskFailure(error)) return `${toAppError(error).message}: see to it, then try again`;
  if (error instanceof AppError) return error.problems.map(({ message }) => message).join('; ');
  return error instanceof Error ? error.message : 'it did not work';
}
