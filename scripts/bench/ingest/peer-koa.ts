import { randomUUID } from 'node:crypto';
import Koa from 'koa';
import { koaBody } from 'koa-body';
import { isRecord } from '../../../shared/text.ts';
import { openPostgres, openSqlite, type Row } from './peer-stores.ts';

/**
 * The baseline's app with a store behind it: it answers with the same echo, once the events are committed.
 *
 * All requests that wait share the next transaction. The events are not checked, and a batch that comes again
 * is stored again: less than what is compared with it does.
 */
const location = process.env['PEER_LOCATION'] ?? '';
const insert = await (process.env['PEER_STORE'] === 'sqlite' ? openSqlite(location) : openPostgres(location));

interface Waiting {
  readonly rows: readonly Row[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

let waiting: Waiting[] = [];
let isRunning = false;

function store(rows: readonly Row[]): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push({ rows, resolve, reject });
    if (!isRunning) void run();
  });
}

async function run(): Promise<void> {
  isRunning = true;
  await new Promise((resolve) => setImmediate(resolve));
  while (waiting.length > 0) {
    const group = waiting;
    waiting = [];
    try {
      await insert(group.flatMap(({ rows }) => rows));
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
    // Another turn, so that the answers leave before a store that does not wait takes the next group.
    await new Promise((resolve) => setImmediate(resolve));
  }
  isRunning = false;
}

const app = new Koa();
app.use(koaBody({ jsonLimit: '1mb' }));
app.use(async (ctx) => {
  const body: unknown = ctx.request.body;
  const events: unknown = isRecord(body) ? body['events'] : undefined;
  const batch = randomUUID();
  const list: readonly unknown[] = Array.isArray(events) ? events : [];
  const echo = list.map((event, sequence) => ({ ...(isRecord(event) ? event : {}), batch, sequence }));
  await store(echo);
  ctx.body = echo;
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
