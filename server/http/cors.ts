import cors from '@koa/cors';
import type { Middleware } from 'koa';
import { AppError } from '../errors.ts';
import { headerOf } from './context.ts';

/** The longest that any browser honours: Firefox's one day. */
const MAX_AGE_SECONDS = 86_400;

/**
 * Cross-origin access for the allowed origins, on refusals too: without the headers a browser can't
 * tell a refusal from a dead network.
 *
 * @param origins - Undefined is any: events carry no credentials.
 */
export function allowOrigins(origins: readonly string[] | undefined): Middleware {
  return cors({
    origin:
      origins === undefined
        ? '*'
        : (ctx) => {
            const origin = headerOf(ctx, 'origin');
            return origins.includes(origin) ? origin : '';
          },
    allowMethods: 'GET,HEAD,POST,DELETE',
    allowHeaders:
      'Content-Type,Content-Encoding,Prefer,Idempotency-Key,Authorization,Range,If-Range,If-Match,If-None-Match',
    // `Date`: a `Retry-After` that is a date is judged against it, the device's clock may be wrong.
    exposeHeaders: 'Retry-After,Preference-Applied,Date',
    maxAge: MAX_AGE_SECONDS,
  });
}

/**
 * Refuses what a browser sends for a page of an origin that is not allowed: a simple request needs no
 * preflight, so the browser alone would not keep it away. The server's own pages are always allowed.
 *
 * @param origins - Undefined is any.
 */
export function requireOrigin(
  origins: readonly string[] | undefined,
  publicUrl: string | undefined,
): Middleware {
  const publicOrigin = publicUrl && new URL(publicUrl).origin;
  return (ctx, next) => {
    const origin = headerOf(ctx, 'origin');
    const isAllowed = origins === undefined || origin === '' || origins.includes(origin);
    if (!isAllowed && origin !== publicOrigin && origin !== `${ctx.protocol}://${ctx.host}`) {
      const message = 'pages of this origin may not send events here';
      throw new AppError('REQUEST_AUTHORIZATION_FAILURE', message, { path: 'Origin' });
    }
    return next();
  };
}
