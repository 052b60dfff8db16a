import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anEvent } from '../support/events.ts';
import { postJson } from '../support/report-client.ts';
import { launchServer, type ServerProcess } from '../support/server-process.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

let server: ServerProcess;
let folder: Awaited<ReturnType<typeof makeTempFolder>>;

beforeAll(async () => {
  folder = await makeTempFolder();
  server = await launchServer({ dataFolder: folder.path });
});

afterAll(async () => {
  await server.stop('SIGKILL');
  await folder.remove();
});

describe('cross-origin access', () => {
  const origin = 'https://shop.example';

  it('answers a preflight for any origin, to be kept for a day', async () => {
    const response = await fetch(`${server.url}/events`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-max-age')).toBe('86400');
    expect(response.headers.get('access-control-allow-headers')).toContain('Content-Encoding');
  });

  it('lets a page remove a report', async () => {
    const response = await fetch(`${server.url}/reports/JOB-1`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'DELETE' },
    });
    expect(response.headers.get('access-control-allow-methods')?.split(',')).toContain('DELETE');
  });

  const batch = randomUUID();
  it.each<[number, unknown, Record<string, string>]>([
    [200, { batch, events: [anEvent()] }, {}],
    [400, '{', {}],
    [413, { events: Array(1_001).fill(1) }, {}],
    [415, '{}', { 'content-type': 'text/html' }],
    [422, { batch, events: [] }, {}],
  ])(
    'lets a page read an answer of %i, its time and its wait, and lets it be kept',
    async (status, body, headers) => {
      const response = await postJson(`${server.url}/events`, body, { origin, ...headers });
      expect(response.status).toBe(status);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-expose-headers')).toBe(
        'Retry-After,Preference-Applied,Date',
      );
      expect(response.headers.get('date')).not.toBeNull();
      // With `no-store`, Chromium leaks its budget for keepalive requests.
      expect(response.headers.get('cache-control')).toBeNull();
    },
  );
});
