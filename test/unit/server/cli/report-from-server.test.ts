import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ReportApi } from '../../../../server/cli/report-api.ts';
import { reportsOfServer } from '../../../../server/cli/report-from-server.ts';

const TEXT = 'timestamp|type\n1|T\n';
const DIGEST = createHash('sha256').update(TEXT).digest();
const PROGRESS = { scanned: 1, total: 4, share: 0.25, rows: 7, expectedEnd: 9 };

type Answer = (request: IncomingMessage, response: ServerResponse, times: number) => void;

/** A server that answers by "METHOD path"; what is not named is 404 in our form. */
async function serve(answers: Readonly<Record<string, Answer>>) {
  const asked: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    const name = `${request.method} ${request.url}`;
    asked.push(name);
    headers.push(request.headers);
    const answer = answers[name];
    if (answer !== undefined) answer(request, response, asked.filter((other) => other === name).length);
    else refuse(response, 404, 'RESOURCE_NOT_FOUND', 'there is nothing at this address');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a server has a port');
  return { url: `http://127.0.0.1:${address.port}`, asked, headers };
}

function json(response: ServerResponse, value: unknown): void {
  response.end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.statusCode = status;
  json(response, [{ value: { code: 'ROOT', message: 'root' }, children: [{ value: { code, message } }] }]);
}

const RUNNING = { source: 'JOB-1', status: 'RUNNING' };
const COMPLETE = { ...RUNNING, status: 'COMPLETE' };

/** All that a good server answers; the file is whole at once. */
function goodServer(changes: Readonly<Record<string, Answer>> = {}) {
  return serve({
    'POST /reports': (_, response) => json(response, RUNNING),
    'GET /reports/JOB-1/progress': (_, response, times) =>
      json(response, times === 1 ? { ...RUNNING, progress: PROGRESS } : COMPLETE),
    'GET /reports/JOB-1': (request, response, times) =>
      json(response, { link: `http://${request.headers.host}/file?${times}` }),
    'GET /file?1': file,
    'GET /file?2': file,
    'DELETE /reports/JOB-1': (_, response) => response.writeHead(204).end(),
    ...changes,
  });
}

function file(request: IncomingMessage, response: ServerResponse): void {
  const [, first = '0'] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const rest = TEXT.slice(Number(first));
  const part = { 'Content-Range': `bytes ${first}-${TEXT.length - 1}/${TEXT.length}` };
  response.writeHead(first === '0' ? 200 : 206, {
    ...HEADERS,
    'Content-Length': rest.length,
    ...(first !== '0' && part),
  });
  response.end(rest);
}

const HEADERS = {
  ETag: '"1"',
  'Repr-Digest': `sha-256=:${DIGEST.toString('base64')}:`,
  'Waybill-Row-Count': '1',
  'Content-Length': String(TEXT.length),
};

/** Sends some, and cuts. */
const cut: Answer = (_, response) => {
  response.writeHead(200, HEADERS);
  response.write(TEXT.slice(0, 5), () => response.destroy());
};

interface Got {
  readonly text: string;
  readonly facts: unknown;
  readonly advances: readonly unknown[];
}

async function get(url: string, stop = new AbortController()): Promise<Got> {
  const advances: unknown[] = [];
  const reports = reportsOfServer({ server: `${url}/`, user: 'ann', password: 'se:cret', waitSeconds: 30 });
  const watcher = {
    signal: stop.signal,
    onAdvance: (advance: unknown) => {
      advances.push(advance);
    },
  };
  return reports({ filter: {} }, watcher, async ({ read, ...facts }) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of read()) chunks.push(chunk);
    return { text: Buffer.concat(chunks).toString(), facts, advances };
  });
}

describe('a report that a server makes for the command line', () => {
  it('is waited for, and comes with what is said of it', async () => {
    const { url, asked, headers } = await goodServer();

    const { text, facts, advances } = await get(url);

    expect(text).toBe(TEXT);
    expect(facts).toEqual({ rows: 1, bytes: TEXT.length, sha256: DIGEST.toString('hex') });
    expect(advances.at(-1)).toMatchObject({ share: 0.25, rows: 7, expectedEnd: 9 });
    expect(asked).toEqual([
      'POST /reports',
      'GET /reports/JOB-1/progress',
      'GET /reports/JOB-1/progress',
      'GET /reports/JOB-1',
      'GET /file?1',
    ]);
    expect(headers[1]).toMatchObject({ prefer: 'wait=30', authorization: 'Basic YW5uOnNlOmNyZXQ=' });
    // The link is enough, and may lead to another server.
    expect(headers[4]).not.toHaveProperty('authorization');
    expect(headers[4]).toMatchObject({ 'accept-encoding': 'identity' });
  });

  it('is waited for where the server knows no progress, and while it restarts', async () => {
    const { url } = await goodServer({
      'GET /reports/JOB-1/progress': (_, response) => refuse(response, 404, 'RESOURCE_NOT_FOUND', 'nothing'),
      'GET /reports/JOB-1/availability': (_, response, times) => {
        if (times === 1) response.destroy();
        else if (times === 2) refuse(response, 503, 'STORE_BUSY', 'busy');
        else json(response, COMPLETE);
      },
    });
    expect((await get(url)).text).toBe(TEXT);
  });

  it.each<[string, Record<string, Answer>, string]>([
    [
      'is FAILED',
      {
        'GET /reports/JOB-1/progress': (_, response) =>
          json(response, { ...RUNNING, status: 'FAILED', error: 'the disk is full' }),
      },
      'the disk is full',
    ],
    [
      'was removed',
      {
        'GET /reports/JOB-1/progress': (_, response) =>
          refuse(response, 404, 'EVENT_JOB_GET_FAILED_NO_JOB', 'there is no such report'),
      },
      'the server refused: there is no such report',
    ],
    [
      'is not begun',
      { 'POST /reports': (_, response) => response.writeHead(503, { 'Retry-After': '60' }).end('<html>') },
      'the server answered 503; try again in 60 seconds',
    ],
    [
      'is another site',
      { 'POST /reports': (_, response) => json(response, {}) },
      'the answer is not that of a Waybill server',
    ],
  ])('that %s is told in words', async (_name, changes, message) => {
    const { url } = await goodServer(changes);
    await expect(get(url)).rejects.toThrow(message);
  });

  it('is gone on with where a connection was cut, by a new link if the old one has expired', async () => {
    const { url, asked, headers } = await goodServer({
      'GET /file?1': (request, response, times) => {
        if (times === 1) cut(request, response, times);
        else refuse(response, 403, 'LINK_INVALID', 'the link has expired');
      },
    });

    expect((await get(url)).text).toBe(TEXT);

    expect(asked.slice(-4)).toEqual(['GET /file?1', 'GET /file?1', 'GET /reports/JOB-1', 'GET /file?2']);
    expect(headers.at(-1)).toMatchObject({ range: 'bytes=5-', 'if-range': '"1"' });
  });

  it('is gone on with where the server gives the whole again', async () => {
    const { url } = await goodServer({
      'GET /file?1': (request, response, times) => {
        if (times === 1) cut(request, response, times);
        else response.writeHead(200, HEADERS).end(TEXT);
      },
    });
    expect((await get(url)).text).toBe(TEXT);
  });

  it('is not put together of two versions', async () => {
    const { url } = await goodServer({
      'GET /file?1': (request, response, times) => {
        if (times === 1) cut(request, response, times);
        else response.writeHead(200, { ...HEADERS, ETag: '"2"' }).end(TEXT);
      },
    });
    await expect(get(url)).rejects.toThrow('the report has changed while it was downloaded');
  });

  it('is stopped on the server when nobody waits for it any more', async () => {
    const stop = new AbortController();
    const { url, asked } = await goodServer({
      'GET /reports/JOB-1/progress': () => stop.abort(),
    });
    await expect(get(url, stop)).rejects.toThrow('aborted');
    expect(asked.at(-1)).toBe('DELETE /reports/JOB-1');
  });

  it('is stopped on the server though nobody waited for it any more before the server had named it', async () => {
    const stop = new AbortController();
    const { url, asked } = await goodServer({
      'POST /reports': (_, response) => {
        stop.abort();
        // Whoever does not wait for it has gone by then.
        setTimeout(() => json(response, RUNNING), 50);
      },
    });
    await expect(get(url, stop)).rejects.toThrow('aborted');
    expect(asked).toEqual(['POST /reports', 'DELETE /reports/JOB-1']);
  });

  it('is given up where it is stopped and the server does not even name it', async () => {
    const stop = new AbortController();
    const { url } = await goodServer({ 'POST /reports': () => stop.abort(new Error('stopped')) });
    const api = new ReportApi({ server: url, user: 'ann', password: 'b', signal: stop.signal });
    await expect(api.begin({}, 10)).rejects.toThrow('stopped');
    await expect(api.begin({}, 600_000)).rejects.toThrow('stopped');
  });

  it.each(['events.example', 'ftp://a', 'http://ann:pw@a', 'http://a/?b'])(
    'has no server at %s',
    async (server) => {
      const reports = reportsOfServer({ server, user: 'a', password: 'b', waitSeconds: 1 });
      const watcher = { signal: new AbortController().signal, onAdvance: () => undefined };
      await expect(reports({}, watcher, () => Promise.resolve())).rejects.toThrow(/^--server must/);
    },
  );
});
