import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRecord } from '../../shared/text.ts';
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

const post = (body: unknown, headers?: Record<string, string>) =>
  postJson(`${server.url}/events`, body, headers);

async function storedLines(): Promise<number> {
  const text = await readFile(path.join(folder.path, 'segments', '00000001.jsonl'), 'utf8').catch(() => '');
  return text.split('\n').length - 1;
}

/** Sends a request head as it is, without a body, and resolves with the whole answer. */
function rawRequest(head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(server.port, '127.0.0.1', () => {
      socket.write(`${head}\r\nConnection: close\r\n\r\n`);
    });
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

/** Codes and paths of an error answer's children; throws if it has not the documented form. */
async function problems(response: Response): Promise<readonly string[]> {
  const nodes: unknown = await response.json();
  if (!Array.isArray(nodes) || nodes.length === 0) throw new Error('an error is an array of nodes');
  const [root]: readonly unknown[] = nodes;
  if (!isNode(root) || root.children.length === 0) throw new Error('the root says what was attempted');
  return root.children.map((child) => {
    if (!isNode(child)) throw new Error('a child is a node');
    const { code, path: at } = child.value;
    return [code, at].filter((part) => typeof part === 'string').join(' ');
  });
}

interface Node {
  readonly value: Readonly<Record<string, unknown>>;
  readonly children: readonly unknown[];
}

function isNode(value: unknown): value is Node {
  return (
    isRecord(value) &&
    isRecord(value['value']) &&
    typeof value['value']['code'] === 'string' &&
    typeof value['value']['message'] === 'string' &&
    Array.isArray(value['children'])
  );
}

describe('POST /events', () => {
  it('echoes the events with batch and sequence, in the order sent', async () => {
    const batch = randomUUID();
    const events = [anEvent({ version: '1' }), anEvent({ context: ['😀|"\n', null] })];

    const response = await post({ batch: batch.toUpperCase(), events });

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(response.headers.get('cache-control')).toBeNull();
    expect(await response.text()).toBe(
      JSON.stringify(events.map((event, sequence) => ({ ...event, batch, sequence }))),
    );
  });

  it('makes up a batch id where none is given', async () => {
    const answer: unknown = await (await post({ events: [anEvent()] })).json();
    expect(answer).toMatchObject([{ batch: expect.stringMatching(/^[0-9a-f-]{36}$/), sequence: 0 }]);
  });

  it('answers a retry as the first time and stores it once', async () => {
    const body = { batch: randomUUID(), events: [anEvent(), anEvent()] };
    const first = await (await post(body)).text();
    const lines = await storedLines();

    const again = await Promise.all(
      Array.from({ length: 5 }, async () => (await post({ ...body, sentAt: Date.now(), extra: [] })).text()),
    );

    expect(again).toEqual(Array(5).fill(first));
    expect(await storedLines()).toBe(lines);
  });

  it('takes the batch from the header Idempotency-Key, quoted or bare', async () => {
    const batch = randomUUID();
    for (const key of [batch, `"${batch}"`]) {
      const answer: unknown = await (await post({ events: [anEvent()] }, { 'idempotency-key': key })).json();
      expect(answer).toMatchObject([{ batch }]);
    }
  });

  it('gives a receipt to who prefers it, in the header or in the body', async () => {
    const batch = randomUUID();
    const receipt = { batch, stored: 1, rejected: [] };

    const byHeader = await post({ batch, events: [anEvent()] }, { prefer: 'return=minimal' });
    const byBody = await post({ batch, events: [anEvent()], prefer: 'return=minimal' });

    expect(byHeader.headers.get('preference-applied')).toBe('return=minimal');
    expect(await byHeader.json()).toEqual(receipt);
    expect(await byBody.json()).toEqual(receipt);
  });

  it('stores the good events of a lenient batch under their own numbers, and keeps the reasons', async () => {
    const batch = randomUUID();
    const body = { batch, events: [{}, anEvent(), 7, anEvent({ timestamp: -1 })] };
    const lenient = { prefer: 'handling=lenient, return=minimal' };

    const first: unknown = await (await post(body, lenient)).json();
    const again: unknown = await (await post(body, lenient)).json();
    const echo: unknown = await (await post(body)).json();

    expect(first).toMatchObject({
      batch,
      stored: 1,
      rejected: [
        { sequence: 0, code: 'REQUEST_PARAMETER_MISSING', path: 'events[0].customer' },
        { sequence: 2, code: 'REQUEST_PARAMETER_MALFORMED', path: 'events[2]' },
        { sequence: 3, code: 'EVENT_TIMESTAMP_OUT_OF_RANGE', path: 'events[3].timestamp' },
      ],
    });
    expect(again).toEqual(first);
    expect(echo).toEqual([{ ...anEvent(), batch, sequence: 1 }]);
  });

  it('takes text/plain and gzip', async () => {
    const text = JSON.stringify({ events: [anEvent({ context: ['ü'] })] });
    const plain = await post(text, { 'content-type': 'text/plain;charset=UTF-8' });
    const zipped = await fetch(`${server.url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: new Uint8Array(gzipSync(text)),
    });
    expect(await plain.json()).toMatchObject([{ context: ['ü'] }]);
    expect(await zipped.json()).toMatchObject([{ context: ['ü'] }]);
  });

  it('stores a half of a batch, and then refuses the whole', async () => {
    const [root, half] = [randomUUID(), randomUUID()];
    const stored = await post({ batch: half, parents: [root], offset: 1, events: [anEvent()] });
    const whole = await post({ batch: root, events: [anEvent(), anEvent()] });
    expect(stored.status).toBe(200);
    expect(whole.status).toBe(409);
    expect(await problems(whole)).toEqual(['BATCH_SPLIT batch']);
  });

  it('stores the skew of the clock and the ledger beside the events', async () => {
    const batch = randomUUID();
    const ledger = { dropped: 3, expired: 0, rejected: 1, unconfirmed: 0 };
    await post({ batch, sentAt: Date.now() - 60_000, ledger, events: [anEvent()] });
    const text = await readFile(path.join(folder.path, 'segments', '00000001.jsonl'), 'utf8');
    const line: unknown = JSON.parse(text.split('\n').find((candidate) => candidate.includes(batch)) ?? '');
    expect(line).toMatchObject({ batch, ledger });
    expect(isRecord(line) && Number(line['skew'])).toBeGreaterThanOrEqual(60_000);
    expect(isRecord(line) && Number(line['skew'])).toBeLessThan(70_000);
  });

  const uuid = randomUUID();
  it.each<[string, unknown, Record<string, string>, number, readonly string[]]>([
    ['no JSON', '{"events":', {}, 400, ['REQUEST_INPUT_MALFORMED']],
    ['no body', '', {}, 400, ['REQUEST_INPUT_MALFORMED']],
    ['a text', '"events"', {}, 400, ['REQUEST_INPUT_MALFORMED']],
    ['an array', [], {}, 400, ['REQUEST_INPUT_MALFORMED']],
    ['no events', {}, {}, 400, ['REQUEST_PARAMETER_MISSING events']],
    ['events of another type', { events: {} }, {}, 400, ['REQUEST_PARAMETER_MALFORMED events']],
    ['a bad event', { events: [anEvent(), {}] }, {}, 400, ['REQUEST_PARAMETER_MISSING events[1].customer']],
    ['a bad batch', { batch: 'x', events: [] }, {}, 400, ['REQUEST_PARAMETER_MALFORMED batch']],
    [
      'a bad key',
      { events: [] },
      { 'idempotency-key': 'x' },
      400,
      ['REQUEST_PARAMETER_MALFORMED Idempotency-Key'],
    ],
    [
      'two ids',
      { batch: uuid, events: [] },
      { 'idempotency-key': randomUUID() },
      400,
      ['REQUEST_PARAMETER_MALFORMED batch'],
    ],
    ['a bad clock', { sentAt: 'now', events: [] }, {}, 400, ['REQUEST_PARAMETER_MALFORMED sentAt']],
    [
      'a bad ledger',
      { ledger: { dropped: -1 }, events: [] },
      {},
      400,
      ['REQUEST_PARAMETER_MALFORMED ledger'],
    ],
    ['a bad preference', { prefer: 1, events: [] }, {}, 400, ['REQUEST_PARAMETER_MALFORMED prefer']],
    [
      'bad parents',
      { batch: uuid, parents: ['x'], offset: 0, events: [] },
      {},
      400,
      ['REQUEST_PARAMETER_MALFORMED parents[0]'],
    ],
    [
      'itself as parent',
      { batch: uuid, parents: [uuid], offset: 0, events: [] },
      {},
      400,
      ['REQUEST_PARAMETER_MALFORMED parents'],
    ],
    [
      'parents without offset',
      { batch: uuid, parents: [randomUUID()], events: [] },
      {},
      400,
      ['REQUEST_PARAMETER_MISSING offset'],
    ],
    [
      'parents without batch',
      { parents: [uuid], offset: 0, events: [] },
      {},
      400,
      ['REQUEST_PARAMETER_MISSING batch'],
    ],
    ['too many events', { events: Array(1001).fill(0) }, {}, 413, ['REQUEST_TOO_LARGE events']],
    [
      'another type',
      'events=1',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      ['REQUEST_TYPE_UNSUPPORTED Content-Type'],
    ],
    [
      'another charset',
      { events: [] },
      { 'content-type': 'application/json; charset=utf-16' },
      415,
      ['REQUEST_TYPE_UNSUPPORTED Content-Type'],
    ],
    [
      'another encoding',
      { events: [] },
      { 'content-encoding': 'br' },
      415,
      ['REQUEST_TYPE_UNSUPPORTED Content-Encoding'],
    ],
    ['gzip that is none', { events: [] }, { 'content-encoding': 'gzip' }, 400, ['REQUEST_INPUT_MALFORMED']],
    [
      'deep nesting',
      `{"events":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      {},
      400,
      ['REQUEST_PARAMETER_MALFORMED events[0]'],
    ],
  ])('refuses %s and stores nothing', async (_title, body, headers, status, expected) => {
    const before = await storedLines();

    const response = await post(body, headers);

    expect(response.status).toBe(status);
    expect((await problems(response)).slice(0, expected.length)).toEqual(expected);
    expect(await storedLines()).toBe(before);
  });

  it('refuses other events under a known id, naming the batch on the root', async () => {
    const batch = randomUUID();
    await post({ batch, events: [anEvent()] });
    const before = await storedLines();

    const response = await post({ batch, events: [anEvent({ timestamp: 1 })] });
    const nodes: unknown = await response.clone().json();

    expect(response.status).toBe(422);
    expect(await problems(response)).toEqual(['BATCH_CONFLICT batch']);
    expect(nodes).toMatchObject([{ value: { batch } }]);
    expect(await storedLines()).toBe(before);
  });

  it('names the first twenty bad fields of a strict batch', async () => {
    const response = await post({ events: Array(50).fill({ ...anEvent(), type: 7 }) });
    expect(await problems(response)).toHaveLength(20);
  });

  it('names the coding that it takes when it refuses another', async () => {
    const response = await post({ events: [] }, { 'content-encoding': 'br' });
    expect(response.headers.get('accept-encoding')).toBe('gzip');
  });

  it.each([
    ['plain', (text: string) => Buffer.from(text), {}],
    ['gzip', (text: string) => gzipSync(text), { 'content-encoding': 'gzip' }],
  ])('refuses a %s body over the limit so that the sender sees it', async (_title, encode, headers) => {
    const text = JSON.stringify({ events: [anEvent({ context: ['x'.repeat(1_500_000)] })] });
    const response = await fetch(`${server.url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: new Uint8Array(encode(text)),
    });
    expect(response.status).toBe(413);
    expect(await problems(response)).toEqual(['REQUEST_TOO_LARGE']);
  });

  it('survives gzip that inflates to a gigabyte, and gzip that breaks in the middle', async () => {
    // Not in this thread: while it stands still, the server closes the sockets that `fetch` would use again.
    const bomb = await promisify(gzip)(Buffer.alloc(1 << 30));
    const broken = gzipSync(JSON.stringify({ events: [anEvent()] })).subarray(0, 60);
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const send = (body: Buffer) =>
      fetch(`${server.url}/events`, { method: 'POST', headers, body: new Uint8Array(body) });

    expect((await send(bomb)).status).toBe(413);
    expect((await send(broken)).status).toBe(400);
    expect((await post({ events: [anEvent()] })).status).toBe(200);
  });

  it('survives a sender that goes away in the middle of a body', async () => {
    const before = await storedLines();
    await new Promise<void>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => {
        const head =
          'POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"ev';
        socket.write(head, () => socket.destroy());
      });
      socket.on('close', () => resolve()).on('error', reject);
    });
    expect((await post({ events: [anEvent()] })).status).toBe(200);
    expect(await storedLines()).toBe(before + 1);
  });

  it('answers other methods with 405 and what is allowed', async () => {
    const response = await fetch(`${server.url}/events`, { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('POST');
    expect(await problems(response)).toEqual(['REQUEST_METHOD_UNSUPPORTED']);
  });

  it.each(['PROPFIND', 'TRACE', 'PURGE'])('answers %s as it does other methods', async (method) => {
    const known = await rawRequest(`${method} /events HTTP/1.1\r\nHost: x`);
    const unknown = await rawRequest(`${method} /nowhere HTTP/1.1\r\nHost: x`);
    expect(known).toMatch(/^HTTP\/1\.1 405 [^]*\r\nAllow: .*POST[^]*REQUEST_METHOD_UNSUPPORTED/);
    expect(unknown).toMatch(/^HTTP\/1\.1 404 [^]*RESOURCE_NOT_FOUND/);
  });

  it('answers other methods on a file that it serves with 405', async () => {
    const response = await fetch(`${server.url}/`, { method: 'POST' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('GET');
  });

  it.each(['http://[/events', 'http://[::1/', '//[', '/%E0%A4%A', '*'])(
    'answers the address %s with a refusal of its own',
    async (address) => {
      const answer = await rawRequest(`GET ${address} HTTP/1.1\r\nHost: x`);
      expect(answer).toMatch(/^HTTP\/1\.1 40[04] [^]*\[\{"value":\{"code":/);
    },
  );

  it('names the batch of the header also where the body can not be read', async () => {
    const batch = randomUUID();
    for (const [body, type] of [
      ['{', 'application/json'],
      ['x', 'text/html'],
    ] as const) {
      const response = await post(body, { 'content-type': type, 'idempotency-key': batch });
      expect(await response.json()).toMatchObject([{ value: { batch } }]);
    }
  });

  it('answers an unknown path in the documented form', async () => {
    const response = await fetch(`${server.url}/nowhere`);
    expect(response.status).toBe(404);
    expect(await problems(response)).toEqual(['RESOURCE_NOT_FOUND']);
  });
});
