import cors from '@koa/cors';
import type { Middleware } from 'koa';

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
    origin: (ctx) => {
      if (origins === undefined) return '*';
      const origin = ctx.get('Origin');
      return origins.includes(origin) ? origin : '';
    },
    allowMethods: 'GET,HEAD,POST',
    allowHeaders: 'Content-Type,Content-Encoding,Prefer,Idempotency-Key,Authorization',
    exposeHeaders: 'Retry-After,Preference-Applied',
    maxAge: MAX_AGE_SECONDS,
  });
}
