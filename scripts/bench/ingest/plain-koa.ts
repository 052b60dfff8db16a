import { randomUUID } from 'node:crypto';
import Koa from 'koa';
import { koaBody } from 'koa-body';
import { isRecord } from '../../../shared/text.ts';

/**
 * The baseline of the ingest benchmark: the same framework reading the same bodies and echoing the
 * events with batch and sequence, without checking or storing anything.
 */
const app = new Koa();
app.use(koaBody({ jsonLimit: '1mb' }));
app.use((ctx) => {
  const body: unknown = ctx.request.body;
  const events: unknown = isRecord(body) ? body['events'] : undefined;
  const batch = randomUUID();
  const list: readonly unknown[] = Array.isArray(events) ? events : [];
  ctx.body = list.map((event, sequence) => ({ ...(isRecord(event) ? event : {}), batch, sequence }));
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
