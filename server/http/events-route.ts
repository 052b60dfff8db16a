import type { Middleware } from 'koa';
import type { Receipt } from '../../shared/batch.ts';
import { namedBatch, parseBatchRequest } from '../ingest/batch-request.ts';
import { ingest, type IngestDependencies, type IngestResult } from '../ingest/ingest.ts';
import type { WaybillState } from './context.ts';
import { parsePreferences } from './prefer.ts';

/** `POST /events`, behind `readJsonBody`. */
export function postEvents(deps: IngestDependencies): Middleware<WaybillState> {
  return async (ctx) => {
    const { body } = ctx.state;
    const key = ctx.headers['idempotency-key'];
    const idempotencyKey = typeof key === 'string' ? key : undefined;
    ctx.state.batch = namedBatch(body, idempotencyKey);
    const request = parseBatchRequest(body, idempotencyKey, deps.limits);
    const { isLenient, isMinimal, applied } = parsePreferences(ctx.get('Prefer'), request.prefer);
    const result = await ingest(request, isLenient, deps);
    if (applied !== '') ctx.set('Preference-Applied', applied);
    ctx.type = 'application/json';
    ctx.body = isMinimal ? JSON.stringify(receiptOf(result)) : echoOf(result);
  };
}

function receiptOf({ batch, stored, rejected }: IngestResult): Receipt {
  return { batch, stored: stored.length, rejected };
}

/** The stored events as `EventFull[]`; their JSON is at hand, and the two fields are added behind it. */
function echoOf({ batch, stored }: IngestResult): string {
  const events = stored.map(
    ({ sequence, text }) => `${text.slice(0, -1)},"batch":"${batch}","sequence":${sequence}}`,
  );
  return `[${events.join(',')}]`;
}
