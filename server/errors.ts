import { constants } from 'node:os';
import type { ErrorCode } from '../shared/error-codes.ts';

/** One thing wrong in a request, and where. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  /** Like `events[3].timestamp` or `filter.start`. */
  readonly path?: string;
}

export interface AppErrorOptions {
  readonly cause?: unknown;
  readonly path?: string;
  /** Everything that is wrong, where that is more than one thing. */
  readonly problems?: readonly Problem[];
  /** When trying again makes sense, in seconds. */
  readonly retryAfterSeconds?: number;
}

/**
 * An error with a stable code. The HTTP error boundary alone turns codes into statuses.
 *
 * The message goes to the caller: it holds no secret and no path of the server's disk.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    const { path } = options;
    this.problems = options.problems ?? [path === undefined ? { code, message } : { code, message, path }];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The operating system's code of an error, e.g. `ENOSPC`. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return undefined;
  // Node 20 has no name for a quota that is used up: its code is "Unknown system error -122".
  return 'errno' in error && error.errno === -constants.errno.EDQUOT ? 'EDQUOT' : error.code;
}
