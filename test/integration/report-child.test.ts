import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { addUser } from '../support/add-user.ts';
import { FILTER } from '../support/events.ts';
import { holdChild } from '../support/hold-child.ts';
import { basic, postJson, textField } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ONE_WORKER = { env: { WAYBILL_REPORT_WORKERS: '1' } };

async function ask(url: string, start: number, headers = basic()): Promise<string> {
  const response = await postJson(`${url}/reports`, { filter: { ...FILTER, start } }, headers);
  return textField(await response.json(), 'source');
}

async function availability(url: string, source: string): Promise<unknown> {
  const headers = { ...basic(), prefer: 'wait=20' };
  return (await fetch(`${url}/reports/${source}/availability`, { headers })).json();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the process of a report', () => {
  it('that is killed makes it FAILED, saying that memory may have run out, and leaves no file', async () => {
    const server = await startServerProcess(ONE_WORKER);
    const held = holdChild(server);
    const source = await ask(server.url, 1);
    process.kill(await held, 'SIGKILL');
    expect(await availability(server.url, source)).toMatchObject({ status: 'FAILED' });
    const progress = await fetch(`${server.url}/reports/${source}/progress`, { headers: basic() });
    expect(textField(await progress.json(), 'error')).toMatch(/SIGKILL, as happens where memory runs out/);
    expect(await readdir(path.join(server.dataFolder, 'reports'))).toEqual([]);
  });

  it('ends when its report is deleted, and the next one has its turn', async () => {
    const server = await startServerProcess(ONE_WORKER);
    const held = holdChild(server);
    const source = await ask(server.url, 1);
    const child = await held;
    const next = await ask(server.url, 2);
    const response = await fetch(`${server.url}/reports/${source}`, { method: 'DELETE', headers: basic() });
    expect(response.status).toBe(204);
    expect(isAlive(child)).toBe(false);
    expect(await availability(server.url, next)).toMatchObject({ status: 'COMPLETE' });
    expect(await readdir(path.join(server.dataFolder, 'reports'))).toEqual([`${next}.csv`]);
  });

  it('has its report made again by the next server when this one is killed', async () => {
    const dataFolder = await tempFolder();
    const first = await startServerProcess({ dataFolder });
    const held = holdChild(first);
    const source = await ask(first.url, 1);
    const child = await held;
    await first.stop('SIGKILL');
    process.kill(child, 'SIGKILL');
    const { url } = await startServerProcess({ dataFolder });
    expect(await availability(url, source)).toMatchObject({ status: 'COMPLETE' });
  });

  it('is had by users in turn', async () => {
    const server = await startServerProcess(ONE_WORKER);
    await addUser(server.dataFolder, 'ann', '*', 'secret');
    const held = holdChild(server);
    await ask(server.url, 1);
    const child = await held;
    const sources: string[] = [];
    for (const start of [2, 3, 4, 5]) sources.push(await ask(server.url, start));
    const own = await ask(server.url, 6, basic('ann', 'secret'));
    process.kill(child, 'SIGCONT');
    for (const source of [own, ...sources]) await availability(server.url, source);
    const made = [...server.log().matchAll(/"source":"(JOB-[^"]+)","rows".*"report made"/g)];
    const order = made.map((match) => match[1]);
    expect(order.indexOf(own)).toBeLessThanOrEqual(2);
    expect(order).toHaveLength(6);
  });
});
