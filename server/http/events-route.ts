import type { Context, Middleware } from 'koa';
import type { Receipt } from '../../shared/batch.ts';
import { namedBatch, parseBatchRequest } from '../ingest/batch-request.ts';
import { parseEventsBody } from '../ingest/events-body.ts';
import { ingest, type IngestDependencies, type IngestResult } from '../ingest/ingest.ts';
import { bodyOf, headerOf, type WaybillState } from './context.ts';
import { echoOf } from './echo.ts';
import { parsePreferences } from './prefer.ts';

/** Names the batch of the header on error answers, also on one about a body that can't be read. */
export const nameBatch: Middleware<WaybillState> = (ctx, next) => {
  ctx.state.batch = namedBatch(undefined, idempotencyKeyOf(ctx));
  return next();
};

/** `POST /events`, behind `readRequestBody`. */
export function postEvents(deps: IngestDependencies): Middleware<WaybillState> {
  return async (ctx) => {
    const body = parseEventsBody(bodyOf(ctx), deps.limits);
    const idempotencyKey = idempotencyKeyOf(ctx);
    ctx.state.batch = namedBatch(body.value, idempotencyKey);
    const request = parseBatchRequest(body, idempotencyKey, deps.limits);
    const { isLenient, isMinimal, applied } = parsePreferences(headerOf(ctx, 'prefer'), request.prefer);
    const result = await ingest(request, isLenient, deps);
    const { response } = ctx;
    if (applied !== '') response.set('Preference-Applied', applied);
    response.type = 'application/json';
    response.body = isMinimal ? JSON.stringify(receiptOf(result)) : echoOf(result);
  };
}

function idempotencyKeyOf({ headers }: Context): string | undefined {
  const key = headers['idempotency-key'];
  return typeof key === 'string' ? key : undefined;
}

function receiptOf({ batch, stored, rejected }: IngestResult): Receipt {
  return { batch, stored: stored.ends.length, rejected };
}
