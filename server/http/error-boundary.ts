import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import type { ErrorNode } from '../../shared/batch.ts';
import type { ErrorCode } from '../../shared/error-codes.ts';
import { isDiskFailure, isFull, toAppError, unavailable } from '../disk-errors.ts';
import { AppError } from '../errors.ts';
import type { WaybillState } from './context.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  REQUEST_CONSTRUCTION_FAILURE: 400,
  REQUEST_PARAMETER_MISSING: 400,
  REQUEST_PARAMETER_MALFORMED: 400,
  REQUEST_INPUT_MALFORMED: 400,
  SCHEMA_VALIDATION_FAILURE: 400,
  REQUEST_IDENTITY_FAILURE: 401,
  REQUEST_AUTHORIZATION_FAILURE: 403,
  REQUEST_GENERAL_FAILURE: 500,
  EVENT_JOB_GET_FAILED: 409,
  EVENT_JOB_GET_FAILED_RUNNING: 409,
  EVENT_JOB_GET_FAILED_NO_JOB: 404,
  EVENT_FIELD_TOO_LONG: 400,
  EVENT_TOO_LARGE: 400,
  EVENT_TIMESTAMP_OUT_OF_RANGE: 400,
  EVENT_CUSTOMER_UNKNOWN: 400,
  EVENT_PRODUCT_UNKNOWN: 400,
  EVENT_TYPE_UNKNOWN: 400,
  EVENT_CONTEXT_UNKNOWN: 400,
  REQUEST_TOO_LARGE: 413,
  REQUEST_TYPE_UNSUPPORTED: 415,
  REQUEST_METHOD_UNSUPPORTED: 405,
  REQUEST_NOT_ACCEPTABLE: 406,
  REQUEST_PRECONDITION_FAILED: 412,
  REQUEST_RANGE_UNSATISFIABLE: 416,
  RESOURCE_NOT_FOUND: 404,
  BATCH_CONFLICT: 422,
  BATCH_SPLIT: 409,
  STORE_BUSY: 503,
  STORE_FULL: 507,
  STORE_UNAVAILABLE: 503,
  REPORT_QUEUE_FULL: 503,
  LINK_INVALID: 403,
  AUTHENTICATION_BUSY: 503,
};

const PLAIN_PATH = /^\/[a-z]+$/;

/** The only place where an error becomes an answer. */
export function errorBoundary(logger: Logger): Middleware<WaybillState> {
  return async (ctx, next) => {
    try {
      const url = ctx.req.url ?? '';
      // The check costs more than most routes' own work, and needs none for a path of letters alone.
      if (!PLAIN_PATH.test(url) && !URL.canParse(url, 'http://host')) {
        throw new AppError('REQUEST_INPUT_MALFORMED', 'the address is not the path of a URL');
      }
      await next();
      const { status } = ctx.response;
      if (status === 404 && ctx.body === undefined) {
        throw notFound();
      }
      // The router answers 405, or 501 for a method that it has never heard of, without a body.
      if (status === 405 || status === 501) {
        const isKnown = ctx.response.get('Allow') !== '';
        if (!isKnown) ctx.remove('Allow');
        throw isKnown
          ? new AppError('REQUEST_METHOD_UNSUPPORTED', 'this address takes other methods')
          : notFound();
      }
    } catch (error) {
      const known = error instanceof AppError ? error : unexpected(error);
      const status = STATUS[known.code];
      if (status >= 500)
        logger.error({ err: error, attempt: ctx.state.attempt, code: known.code }, 'request failed');
      answer(ctx, known);
    }
  };
}

function notFound(): AppError {
  return new AppError('RESOURCE_NOT_FOUND', 'there is nothing at this address');
}

function unexpected(error: unknown): AppError {
  if (isFull(error)) return toAppError(error);
  if (isDiskFailure(error)) return unavailable('the disk can not be used', error);
  return new AppError('REQUEST_GENERAL_FAILURE', 'the server could not do it', { cause: error });
}

function answer(ctx: Context & { state: WaybillState }, error: AppError): void {
  const status = STATUS[error.code];
  ctx.status = status;
  if (error.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(error.retryAfterSeconds));
  ctx.body = status === 401 ? { message: 'Unauthorized' } : [errorTree(ctx.state, status, error)];
}

function errorTree({ attempt, batch }: WaybillState, status: number, { problems }: AppError): ErrorNode {
  const message = `An attempt to ${attempt ?? 'answer the request'} failed.`;
  const code = rootCode(status);
  return {
    value: batch === undefined ? { code, message } : { code, message, batch },
    children: problems.map((problem) => ({ value: { ...problem }, children: [] })),
  };
}

function rootCode(status: number): ErrorCode {
  if (status === 403) return 'REQUEST_AUTHORIZATION_FAILURE';
  return status === 400 || status === 413 || status === 415 || status === 422
    ? 'REQUEST_CONSTRUCTION_FAILURE'
    : 'REQUEST_GENERAL_FAILURE';
}
