import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { AppError } from '../errors.ts';
import type { User } from '../users/user-table.ts';

/** What our middlewares leave for each other on `ctx.state`. */
export interface WaybillState {
  /** What the request attempts, for the root of an error answer: "store events". */
  attempt?: string;
  /** The batch that the request names. */
  batch?: string | undefined;
  /** The bytes of the request's body, inflated; set by `readRequestBody`. */
  body?: Buffer;
  /** Whose credential the request carries; set by `requireUser`. */
  user?: User;
}

export type WaybillContext = Context & { state: WaybillState };

/**
 * A header of the request; empty if it is not there.
 *
 * Koa's `ctx.get` gives the same. That and the like of it, such as `ctx.body`, find their target by name at each
 * call, which is noticed on the way of an event.
 *
 * @param name - In lower case.
 */
export function headerOf({ req }: { readonly req: IncomingMessage }, name: string): string {
  const value = req.headers[name];
  return typeof value === 'string' ? value : '';
}

/** The authenticated user of a route behind `requireUser`. */
export function userOf({ state }: { readonly state: WaybillState }): User {
  if (state.user === undefined) throw new AppError('REQUEST_IDENTITY_FAILURE', 'Unauthorized');
  return state.user;
}

/** The body of a request to a route behind `readRequestBody`. */
export function bodyOf({ state }: { readonly state: WaybillState }): Buffer {
  return state.body ?? Buffer.alloc(0);
}
