import { createServer } from 'node:http';
import Koa from 'koa';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WaybillState } from '../../../server/http/context.ts';
import { errorBoundary } from '../../../server/http/error-boundary.ts';

/** What a request is answered whose route throws. */
async function answerTo(error: Error): Promise<Response> {
  const app = new Koa<WaybillState>();
  app.use(errorBoundary(pino({ level: 'silent' })));
  app.use(() => {
    throw error;
  });
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const bound = server.address();
  if (typeof bound !== 'object' || bound === null) throw new Error('it does not listen');
  return fetch(`http://127.0.0.1:${bound.port}/`);
}

describe('errorBoundary', () => {
  it.each([
    ['EIO', 503, 'STORE_UNAVAILABLE'],
    ['EROFS', 503, 'STORE_UNAVAILABLE'],
    ['ENOSPC', 507, 'STORE_FULL'],
  ])('answers %s, whatever it is of, with %i and when to come again', async (code, status, ours) => {
    const response = await answerTo(Object.assign(new Error(`${code}: of a secret path`), { code }));

    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe('5');
    const text = await response.text();
    expect(text).toContain(`"code":"${ours}"`);
    expect(text).not.toContain('secret');
  });

  it('answers what nobody expected with 500, and says nothing of it', async () => {
    const response = await answerTo(new Error('a secret'));

    expect(response.status).toBe(500);
    expect(response.headers.get('retry-after')).toBeNull();
    expect(await response.text()).not.toContain('secret');
  });
});
