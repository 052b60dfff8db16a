import { randomUUID } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { anEvent } from '../support/events.ts';
import { postJson } from '../support/report-client.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

const NOTHING = { dropped: 0, expired: 0, rejected: 0, unconfirmed: 0 };
const LEDGER = { dropped: 1, expired: 20, rejected: 300, unconfirmed: 4_000 };
const LENIENT = 'return=minimal, handling=lenient';

async function healthOf({ url }: ServerProcess): Promise<unknown> {
  const response = await fetch(`${url}/service/health`);
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('no-store');
  return response.json();
}

describe('GET /service/health', () => {
  it('says of a new server, to anyone, that it is ready and has lost nothing', async () => {
    const server = await startServerProcess();

    expect(await healthOf(server)).toEqual({
      status: 'ready',
      store: { writable: true, damage: 0 },
      ledger: NOTHING,
      rejected: 0,
    });
  });

  it('sums the ledgers of new batches and refused events, through replays, a kill and a start', async () => {
    const server = await startServerProcess();
    const post = (body: unknown) => postJson(`${server.url}/events`, body);
    const body = {
      batch: randomUUID(),
      events: [anEvent(), {}, { type: 7 }],
      ledger: LEDGER,
      prefer: LENIENT,
    };
    expect((await post({ events: [{}], ledger: LEDGER })).status).toBe(400);
    await Promise.all([post(body), post(body), post(body)]);
    await post({ events: [anEvent()], ledger: { ...NOTHING, dropped: 5 } });
    await post({ events: [anEvent()] });

    const sums = { ledger: { ...LEDGER, dropped: 6 }, rejected: 2 };
    expect(await healthOf(server)).toMatchObject(sums);
    await server.stop('SIGKILL');
    const restarted = await startServerProcess({ dataFolder: server.dataFolder });
    expect((await postJson(`${restarted.url}/events`, body)).status).toBe(200);
    expect(await healthOf(restarted)).toMatchObject(sums);
  });

  it('counts the ledger of a batch that was split once, with its first half', async () => {
    const server = await startServerProcess();
    const [root, left, right] = [randomUUID(), randomUUID(), randomUUID()];
    const halves = [
      { batch: left, parents: [root], offset: 0, events: [anEvent()], ledger: LEDGER },
      { batch: right, parents: [root], offset: 1, events: [anEvent()] },
    ];
    for (const body of [...halves, ...halves]) await postJson(`${server.url}/events`, body);
    const whole = { batch: root, events: [anEvent(), anEvent()], ledger: LEDGER };
    expect((await postJson(`${server.url}/events`, whole)).status).toBe(409);

    expect(await healthOf(server)).toMatchObject({ ledger: LEDGER });
  });

  it('leaves out the second copy of a batch that a file holds', async () => {
    const server = await startServerProcess();
    await postJson(`${server.url}/events`, { batch: randomUUID(), events: [anEvent()], ledger: LEDGER });
    await server.stop();
    const file = path.join(server.dataFolder, 'segments', '00000001.jsonl');
    await appendFile(file, await readFile(file));

    const restarted = await startServerProcess({ dataFolder: server.dataFolder });

    expect(await healthOf(restarted)).toMatchObject({ ledger: LEDGER });
  });

  it('answers other methods with 405 and what is allowed', async () => {
    const { url } = await startServerProcess();
    const response = await postJson(`${url}/service/health`, {});
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('HEAD, GET');
  });
});
