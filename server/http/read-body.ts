import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Context, Middleware, Request } from 'koa';
import { koaBody } from 'koa-body';
import { isRecord } from '../../shared/text.ts';
import { AppError } from '../errors.ts';
import { headerOf, type WaybillState } from './context.ts';

const JSON_TYPES = ['application/json', 'text/plain'];
/** How nearly everybody writes a good one: to take a header apart costs more than to look it up. */
const USUAL_TYPES = new Set([...JSON_TYPES, 'application/json; charset=utf-8', 'text/plain;charset=UTF-8']);
const DRAIN_MS = 5_000;
const inflate = promisify(gunzip);

/**
 * Reads a request's body and leaves its bytes in `ctx.state.body`; none if it has no body.
 *
 * Takes `application/json`, or `text/plain` holding the same (what a beacon can send without a
 * preflight), in UTF-8, plain or gzip.
 *
 * @param maxBytes - Bytes of the body after inflating.
 * @throws AppError `REQUEST_TYPE_UNSUPPORTED`, `REQUEST_TOO_LARGE`, `REQUEST_INPUT_MALFORMED`.
 */
export function readRequestBody(maxBytes: number): Middleware<WaybillState> {
  const readBytes = bytesReader(maxBytes);
  return async (ctx, next) => {
    try {
      checkType(ctx);
      if (headerOf(ctx, 'content-encoding').toLowerCase() === 'gzip') {
        // koa-body would inflate with a stream whose late errors nobody listens to. Without the
        // header it hands over the bytes as they came, and they are inflated in one bounded call.
        delete ctx.req.headers['content-encoding'];
        await readBytes(ctx, ended);
        ctx.state.body = await inflate(bytesRead(ctx), { maxOutputLength: maxBytes });
      } else {
        await readBytes(ctx, ended);
        ctx.state.body = bytesRead(ctx);
      }
    } catch (error) {
      await drain(ctx.req, maxBytes * 2);
      // What was not read would be taken for the next request.
      if (!ctx.req.complete) ctx.set('Connection', 'close');
      throw toAppError(error, maxBytes);
    }
    await next();
  };
}

function bytesReader(maxBytes: number): Middleware {
  return koaBody({
    json: false,
    urlencoded: false,
    multipart: false,
    text: true,
    // Both are parsed here: what koa-body would call JSON, it also refuses for its keys.
    textTypes: JSON_TYPES,
    textLimit: maxBytes,
    // With no encoding to decode from, raw-body hands over the bytes.
    encoding: '',
    onError: (error) => {
      throw error;
    },
  });
}

async function ended(): Promise<void> {
  // The readers are called for what they leave on the context, not as a part of the chain.
}

function checkType(ctx: Context): void {
  if (!USUAL_TYPES.has(headerOf(ctx, 'content-type')) && !isJsonType(ctx.request)) {
    const message = 'the body must be application/json, or text/plain holding JSON, in UTF-8';
    throw new AppError('REQUEST_TYPE_UNSUPPORTED', message, { path: 'Content-Type' });
  }
  const encoding = headerOf(ctx, 'content-encoding').toLowerCase();
  if (encoding !== '' && encoding !== 'identity' && encoding !== 'gzip') {
    ctx.set('Accept-Encoding', 'gzip');
    const message = 'the body must be plain or gzip';
    throw new AppError('REQUEST_TYPE_UNSUPPORTED', message, { path: 'Content-Encoding' });
  }
}

function isJsonType({ type, charset }: Request): boolean {
  return JSON_TYPES.includes(type.toLowerCase()) && (charset === '' || charset.toLowerCase() === 'utf-8');
}

function bytesRead({ request }: Context): Buffer {
  const { body } = request;
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function toAppError(error: unknown, maxBytes: number): AppError {
  if (error instanceof AppError) return error;
  if (isRecord(error) && (error['type'] === 'entity.too.large' || error['code'] === 'ERR_BUFFER_TOO_LARGE')) {
    return new AppError(
      'REQUEST_TOO_LARGE',
      `the body has more than the ${maxBytes} bytes that this server takes`,
    );
  }
  // What is left is the sender's: a broken gzip stream, a wrong length, a connection that ended.
  return new AppError('REQUEST_INPUT_MALFORMED', 'the body could not be read', { cause: error });
}

/** Reads on up to a bound, since a sender that is still sending may not see the answer. */
async function drain(request: IncomingMessage, maxBytes: number): Promise<void> {
  if (request.complete || request.destroyed) return;
  request.unpipe();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, DRAIN_MS);
    let bytes = 0;
    const done = (): void => {
      clearTimeout(timer);
      request.off('data', count).off('end', done).off('close', done);
      resolve();
    };
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) done();
    };
    request.on('data', count).on('end', done).on('close', done);
    request.resume();
  });
}
