import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { addUser } from '../support/add-user.ts';
import { FILTER } from '../support/events.ts';
import { basic, makeReport, postJson, textField } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Bodies that are refused, with the field that the answer names. */
const BAD: readonly (readonly [string, unknown, string])[] = [
  ['start after end', { filter: { ...FILTER, start: 2, end: 1 } }, 'filter.start'],
  ['a time that is no number', { filter: { ...FILTER, end: 'today' } }, 'filter.end'],
  ['an unknown customer', { filter: { ...FILTER, customer: 'X' } }, 'filter.customer'],
  ['an unknown type', { filter: { ...FILTER, types: ['X'] } }, 'filter.types[0]'],
  ['an unknown format', { filter: FILTER, output: { format: 'xls' } }, 'output.format'],
  ['a long delimiter', { filter: FILTER, output: { delimiter: '||' } }, 'output.delimiter'],
  ['a quote as delimiter', { filter: FILTER, output: { delimiter: '"' } }, 'output.delimiter'],
  ['a column twice', { filter: FILTER, output: { columns: ['skew', 'skew'] } }, 'output.columns[1]'],
  ['an unknown compression', { filter: FILTER, output: { compression: 'zip' } }, 'output.compression'],
];

describe('a request for a report', () => {
  it('that is not right is refused, naming the field', async () => {
    const catalog = path.resolve('server/catalog/usage.catalog.json');
    const { url } = await startServerProcess({ env: { WAYBILL_CATALOG: catalog } });
    for (const [what, body, field] of BAD) {
      const response = await postJson(`${url}/reports`, body, basic());
      const answer: unknown = await response.json();
      expect([what, response.status, answer]).toMatchObject([
        what,
        400,
        [{ children: [{ value: { path: field } }] }],
      ]);
    }
    const output = { bucketName: 'b', columns: null };
    expect((await postJson(`${url}/reports`, { filter: FILTER, output }, basic())).status).toBe(200);
  });
});

describe('the routes of a report', () => {
  it('tell its progress, the keys of its status first', async () => {
    const { url } = await startServerProcess();
    const { source } = await makeReport(url, { filter: FILTER });
    const response = await fetch(`${url}/reports/${source}/progress`, { headers: basic() });
    const text = await response.text();
    expect(text).toMatch(/^\{"job":"[^"]+","source":"[^"]+","status":"COMPLETE","filter":\{.*\},"timing":\{/);
    expect(JSON.parse(text)).toMatchObject({
      progress: { share: 1, rows: 0 },
      output: {
        format: 'csv',
        rows: 0,
        bytes: expect.any(Number),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      expires: expect.any(Number),
    });
  });

  it('list what the caller has asked for, the newest first', async () => {
    const { url, dataFolder } = await startServerProcess();
    await addUser(dataFolder, 'ann', '*', 'secret');
    const sources: string[] = [];
    for (let count = 0; count < 3; count++)
      sources.unshift((await makeReport(url, { filter: FILTER })).source);
    const list = async (query: string, headers = basic()): Promise<unknown> =>
      (await fetch(`${url}/reports${query}`, { headers })).json();

    expect(await list('')).toMatchObject(sources.map((source) => ({ source })));
    expect(await list('?limit=1')).toMatchObject([{ source: sources[0] }]);
    expect(await list('', basic('ann', 'secret'))).toEqual([]);
    for (const limit of ['0', '1001', 'x'])
      expect((await fetch(`${url}/reports?limit=${limit}`, { headers: basic() })).status).toBe(400);
  });

  it('delete it for who has asked for it, or may report on all customers', async () => {
    const { url, dataFolder } = await startServerProcess();
    await addUser(dataFolder, 'ann', FILTER.customer, 'secret');
    const ann = basic('ann', 'secret');
    const { source } = await makeReport(url, { filter: FILTER });
    const remove = (headers: Readonly<Record<string, string>>) =>
      fetch(`${url}/reports/${source}`, { method: 'DELETE', headers });

    expect((await remove(ann)).status).toBe(403);
    expect(await readdir(path.join(dataFolder, 'reports'))).toEqual([`${source}.csv`]);
    expect((await remove(basic())).status).toBe(204);

    expect(await readdir(path.join(dataFolder, 'reports'))).toEqual([]);
    expect(await readFile(path.join(dataFolder, 'jobs.json'), 'utf8')).not.toContain(source);
    for (const suffix of ['', '/availability', '/progress'])
      expect((await fetch(`${url}/reports/${source}${suffix}`, { headers: basic() })).status).toBe(404);
    expect((await remove(basic())).status).toBe(404);
    const own: unknown = await (await postJson(`${url}/reports`, { filter: FILTER }, ann)).json();
    const response = await fetch(`${url}/reports/${textField(own, 'source')}`, {
      method: 'DELETE',
      headers: basic(),
    });
    expect(response.status).toBe(204);
  });

  it('wait for its end if that is preferred, and a stop does not wait for them', async () => {
    const dataFolder = await tempFolder();
    const first = await startServerProcess({ dataFolder });
    const asked: unknown = await (await postJson(`${first.url}/reports`, { filter: FILTER }, basic())).json();
    const source = textField(asked, 'source');
    const headers = { ...basic(), prefer: 'wait=99' };
    const ended = await fetch(`${first.url}/reports/${source}/availability`, { headers });
    expect(ended.headers.get('preference-applied')).toBe('wait=60');
    expect(await ended.json()).toMatchObject({ status: 'COMPLETE' });
    await first.stop('SIGTERM');

    const second = await startServerProcess({ dataFolder });
    const other: unknown = await (
      await postJson(`${second.url}/reports`, { filter: FILTER }, basic())
    ).json();
    // Its end can't be recorded: the new contents would be written here.
    await mkdir(path.join(dataFolder, 'jobs.json.tmp'));
    const blocked = fetch(`${second.url}/reports/${textField(other, 'source')}/availability`, { headers });
    const came = await Promise.race([blocked.then(() => 'answered'), setTimeout(1_000, 'waits')]);
    expect(came).toBe('waits');
    const since = Date.now();
    await second.stop('SIGTERM');
    expect(Date.now() - since).toBeLessThan(5_000);
    expect(await (await blocked).json()).toMatchObject({ status: 'RUNNING' });
  });

  it('say that it has expired, and when', async () => {
    const dataFolder = await tempFolder();
    const first = await startServerProcess({ dataFolder });
    const { source } = await makeReport(first.url, { filter: FILTER });
    await first.stop();
    const jobsFile = path.join(dataFolder, 'jobs.json');
    const endMs = Date.UTC(2020, 0, 1);
    await writeFile(
      jobsFile,
      (await readFile(jobsFile, 'utf8')).replace(/"endMs": \d+/, `"endMs": ${endMs}`),
    );

    const { url } = await startServerProcess({ dataFolder });

    const response = await fetch(`${url}/reports/${source}`, { headers: basic() });
    expect(response.status).toBe(404);
    const text = await response.text();
    expect(text).toContain('EVENT_JOB_GET_FAILED_NO_JOB');
    expect(text).toContain('the report has expired on 2020-01-31: ask for it again');
    const status = await fetch(`${url}/reports/${source}/availability`, { headers: basic() });
    expect(await status.json()).toMatchObject({ status: 'COMPLETE' });
    expect(await readdir(path.join(dataFolder, 'reports'))).toEqual([]);
    expect((await fetch(`${url}/reports/JOB-${randomUUID()}`, { headers: basic() })).status).toBe(404);
  });

  it('allow no other methods', async () => {
    const { url } = await startServerProcess();
    const allowed = {
      '/reports': ['GET', 'POST'],
      '/reports/JOB-x': ['GET', 'DELETE'],
      '/reports/JOB-x/progress': ['GET'],
    };
    for (const [route, methods] of Object.entries(allowed)) {
      const response = await fetch(`${url}${route}`, { method: 'PUT', headers: basic() });
      expect(response.status).toBe(405);
      for (const method of methods) expect(response.headers.get('allow')).toContain(method);
    }
  });
});
