import type { Middleware } from 'koa';
import type { Assets } from '../assets.ts';

/** Pages load nothing but what this server serves, and send nowhere else. */
const PAGE_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A new build reaches everyone at the next use. Of a worker nothing else would be safe. */
const ASK_AGAIN = 'no-cache';

const FOR_EVER = 'public, max-age=31536000, immutable';

/**
 * Serves the browser files to pages of any origin, whoever may send events: scripts with `integrity` and
 * parts that are imported need CORS.
 */
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
    ctx.set('Cache-Control', asset.isHashed ? FOR_EVER : ASK_AGAIN);
    ctx.set('ETag', `"${asset.integrity}"`);
    if (asset.type.startsWith('text/html')) ctx.set('Content-Security-Policy', PAGE_POLICY);
    ctx.set('Access-Control-Allow-Origin', '*');
    // For pages that are isolated from other origins, and for `importScripts` of a site's own worker.
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin');
    ctx.type = asset.type;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = asset.bytes;
    return undefined;
  };
}
