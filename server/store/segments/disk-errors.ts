import { AppError, systemCode } from '../../errors.ts';

/** A disk may be mended, or space made, in about this time. */
export const RETRY_AFTER_SECONDS = 5;

/** What a failed write means to whoever asked for it. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isFull(error)) {
    const message = 'the disk is full';
    return new AppError('STORE_FULL', message, { cause: error, retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
  return unavailable('the disk refused a write', error);
}

/** Whether an error says that there is no space left. */
export function isFull(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Whether a disk says of a sector that it can't read it any more: no more than damage of that place. */
export function isUnreadable(error: unknown): boolean {
  return systemCode(error) === 'EIO';
}

export function unavailable(message: string, cause?: unknown): AppError {
  return new AppError('STORE_UNAVAILABLE', message, { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
}
