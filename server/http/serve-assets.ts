import type { Middleware } from 'koa';
import type { Assets } from '../assets.ts';

/** Pages load nothing but what this server serves, and send nowhere else. */
const PAGE_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Serves the browser files; all are asked for again at each use, so that a new build reaches everyone. */
export function serveAssets(assets: Assets): Middleware {
  return (ctx, next) => {
    const asset = assets.get(ctx.path);
    if (asset === undefined) return next();
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.status = 405;
      ctx.set('Allow', 'HEAD, GET');
      return undefined;
    }
    ctx.status = 200;
    ctx.set('Cache-Control', 'no-cache');
    ctx.set('ETag', asset.etag);
    if (asset.type.startsWith('text/html')) ctx.set('Content-Security-Policy', PAGE_POLICY);
    // Pages of other origins load the scripts and their parts.
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin');
    ctx.type = asset.type;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = asset.bytes;
    return undefined;
  };
}
