import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRecord } from '../../shared/text.ts';
import { addUser } from '../support/add-user.ts';
import { anEvent, FILTER } from '../support/events.ts';
import { parseCsv } from '../support/parse-csv.ts';
import { basic, downloadReport, linkOf, makeReport, postJson, textField } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const NASTY = ['pi|pe', 'quo"te', 'new\nline', 'cr\rlf\n', '😀', '=cmd', "'", '', null, ' '];

describe('a report', () => {
  it('holds every acknowledged event that matches, and nothing else', async () => {
    const { url } = await startServerProcess();
    const filter = { customer: 'C', product: 'P', types: ['T'], start: 100, end: '200' };
    const event = { ...anEvent({ customer: 'C', product: 'P', type: 'T' }), context: NASTY };
    const events = [
      { ...event, timestamp: 100 },
      { ...event, timestamp: 200 },
      { ...event, timestamp: 99 },
      { ...event, timestamp: 201 },
      { ...event, timestamp: 150, type: 'U' },
      { ...event, timestamp: 150, customer: 'D' },
      { ...event, timestamp: 150, product: 'Q' },
    ];
    await postJson(`${url}/events`, { events });

    const rows = parseCsv(await downloadReport(url, { filter, output: { guard: false } }));

    expect(rows[0]).toEqual(['timestamp', 'type', ...NASTY.map((_, index) => `context${index + 1}`)]);
    expect(rows.slice(1)).toEqual([
      ['100', 'T', ...NASTY],
      ['200', 'T', ...NASTY],
    ]);
  });

  it('is a job whose status has exactly the keys that clients know, in their order', async () => {
    const { url } = await startServerProcess();
    const filter = { end: 9, start: '1', types: ['T'], product: 'P', customer: 'C' };
    const before = Date.now();

    const response = await postJson(`${url}/reports`, { filter }, basic());
    const text = await response.text();
    const started: unknown = JSON.parse(text);
    const { source } = await makeReport(url, { filter });
    const finished = await (
      await fetch(`${url}/reports/${source}/availability`, { headers: basic() })
    ).text();

    expect(response.status).toBe(200);
    const shape = (answer: string) =>
      answer
        .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
        .replaceAll(/\d{13}/g, 'MS')
        .replace(/\d{4}-\d\d-\d\d/, 'DAY');
    const filterText = '{"customer":"C","product":"P","types":["T"],"start":1,"end":9}';
    expect(shape(text)).toBe(
      `{"job":"UUID","source":"JOB-UUID","status":"RUNNING","filter":${filterText},"timing":{"day":"DAY","start":MS}}`,
    );
    expect(shape(finished)).toBe(
      `{"job":"UUID","source":"JOB-UUID","status":"COMPLETE","filter":${filterText},"timing":{"day":"DAY","start":MS,"end":MS}}`,
    );
    expect(textField(started, 'source')).toBe(`JOB-${textField(started, 'job')}`);
    const timing = isRecord(started) ? started['timing'] : undefined;
    expect(textField(timing, 'day')).toBe(new Date(before).toISOString().slice(0, 10));
  });

  it('is downloaded by anyone who holds its link, and by nobody who alters it', async () => {
    const { url } = await startServerProcess();
    const { source } = await makeReport(url, { filter: FILTER });
    const link = await linkOf(url, source);

    const response = await fetch(link);

    expect(link).toMatch(new RegExp(`^${url}/downloads/${source}/${source}\\.csv\\?expires=\\d+&signature=`));
    expect(Number(new URL(link).searchParams.get('expires')) - Date.now()).toBeGreaterThan(890_000);
    expect(Number(new URL(link).searchParams.get('expires')) - Date.now()).toBeLessThanOrEqual(900_000);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/csv');
    expect(response.headers.get('content-disposition')).toContain(`${source}.csv`);
    expect((await fetch(link.replace(/expires=\d/, 'expires=9'))).status).toBe(403);
    expect((await fetch(link.split('?')[0] ?? '')).status).toBe(403);
  });

  it('has a link that ends', async () => {
    const { url } = await startServerProcess({ env: { WAYBILL_LINK_TTL_MS: '1' } });
    const { source } = await makeReport(url, { filter: FILTER });
    const link = await linkOf(url, source);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await fetch(link)).status).toBe(403);
  });

  it('is got as the client accepts it', async () => {
    const { url } = await startServerProcess({ env: { WAYBILL_PUBLIC_URL: 'https://events.example/base/' } });
    const { source } = await makeReport(url, { filter: FILTER });
    const get = (accept: string) =>
      fetch(`${url}/reports/${source}`, { headers: { ...basic(), accept }, redirect: 'manual' });

    const redirect = await get('text/csv');

    expect(redirect.status).toBe(302);
    expect(redirect.headers.get('location')).toMatch(/^https:\/\/events\.example\/base\/downloads\//);
    expect((await get('image/png')).status).toBe(406);
    expect((await get('*/*')).headers.get('content-type')).toContain('application/json');
  });

  it('of a job that was left RUNNING by a crash is made again at the next start, at its position', async () => {
    const dataFolder = await tempFolder();
    const first = await startServerProcess({ dataFolder });
    await postJson(`${first.url}/events`, { events: [anEvent()] });
    const { source } = await makeReport(first.url, { filter: FILTER });
    await postJson(`${first.url}/events`, { events: [anEvent()] });
    await first.stop('SIGKILL');
    const jobsFile = path.join(dataFolder, 'jobs.json');
    const jobs = (await readFile(jobsFile, 'utf8'))
      .replace('"COMPLETE"', '"RUNNING"')
      .replace(/,\s*"endMs": \d+/, '');
    await writeFile(jobsFile, jobs);
    await writeFile(path.join(dataFolder, 'reports', `${source}.csv.tmp`), 'half');

    const { url } = await startServerProcess({ dataFolder });
    const response = await fetch(`${url}/reports/${source}/availability`, {
      headers: { ...basic(), prefer: 'wait=20' },
    });

    expect(await response.json()).toMatchObject({ status: 'COMPLETE', timing: { end: expect.any(Number) } });
    const rows = parseCsv(await (await fetch(await linkOf(url, source))).text());
    expect(rows).toHaveLength(2);
    expect(await readdir(path.join(dataFolder, 'reports'))).toEqual([`${source}.csv`]);
  });

  it('that takes too long ends as TIMEOUT, leaving no file', async () => {
    const { url, dataFolder } = await startServerProcess({ env: { WAYBILL_REPORT_TIMEOUT_MS: '1' } });
    const { source, status } = await makeReport(url, { filter: FILTER });

    expect(status).toBe('TIMEOUT');
    expect((await fetch(`${url}/reports/${source}`, { headers: basic() })).status).toBe(409);
    expect(await readdir(path.join(dataFolder, 'reports'))).toEqual([]);
  });

  it('that is still being made is answered with 409', async () => {
    const { url } = await startServerProcess({ env: { WAYBILL_REPORT_WORKERS: '1' } });
    await Promise.all(
      Array.from({ length: 4 }, () => postJson(`${url}/reports`, { filter: FILTER }, basic())),
    );
    const last: unknown = await (await postJson(`${url}/reports`, { filter: FILTER }, basic())).json();

    const response = await fetch(`${url}/reports/${textField(last, 'source')}`, { headers: basic() });

    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject([
      { children: [{ value: { code: 'EVENT_JOB_GET_FAILED_RUNNING' } }] },
    ]);
  });

  it('of a body that is not right is refused, naming the field', async () => {
    const { url } = await startServerProcess();
    const response = await postJson(`${url}/reports`, { filter: { customer: 'C' } }, basic());
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject([{ children: [{ value: { path: 'filter.product' } }] }]);
  });
});

describe('access to reports', () => {
  it('needs a credential, and does not say what was wrong with it', async () => {
    const { url } = await startServerProcess();
    const source = `JOB-${randomUUID()}`;
    for (const headers of [{}, basic('admin', 'wrong'), basic('nobody', 'x'), { authorization: 'Basic ?' }]) {
      const answers = [
        await postJson(`${url}/reports`, { filter: FILTER }, headers),
        await fetch(`${url}/reports/${source}/availability`, { headers }),
        await fetch(`${url}/reports/${source}`, { headers }),
        await fetch(`${url}/service/authenticate`, { headers }),
      ];
      for (const response of answers) {
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toBe('Basic realm="waybill", charset="UTF-8"');
        expect(await response.json()).toEqual({ message: 'Unauthorized' });
      }
    }
  });

  it('is limited to the customers of the user, who can not tell other reports from none', async () => {
    const { url, dataFolder } = await startServerProcess();
    const added = await addUser(dataFolder, 'ann', 'TGAM', 'secret');
    const { source } = await makeReport(url, { filter: FILTER });
    const ann = basic('ann', 'secret');

    const foreign = await postJson(`${url}/reports`, { filter: FILTER }, ann);
    const own = await postJson(`${url}/reports`, { filter: { ...FILTER, customer: 'TGAM' } }, ann);

    expect(added).toContain('TGAM');
    expect(foreign.status).toBe(403);
    expect(await foreign.json()).toMatchObject([
      {
        value: { code: 'REQUEST_AUTHORIZATION_FAILURE' },
        children: [{ value: { path: 'filter.customer' } }],
      },
    ]);
    expect(own.status).toBe(200);
    for (const suffix of ['', '/availability']) {
      const hidden = await fetch(`${url}/reports/${source}${suffix}`, { headers: ann });
      const unknown = await fetch(`${url}/reports/JOB-x${suffix}`, { headers: ann });
      expect([hidden.status, unknown.status]).toEqual([404, 404]);
      const text = await hidden.text();
      expect(text).toBe(await unknown.text());
      expect(text).toContain('EVENT_JOB_GET_FAILED_NO_JOB');
    }
  });

  it('shows a user who it is', async () => {
    const { url } = await startServerProcess({ env: { WAYBILL_ENVIRONMENT: 'test' } });
    const version: unknown = await (await fetch(`${url}/service/version`)).json();

    expect(version).toMatchObject({ service: { name: 'waybill', environment: 'test' } });
    expect(await (await fetch(`${url}/system/version`)).json()).toEqual(version);
    expect(await (await fetch(`${url}/service/authenticate`, { headers: basic() })).json()).toEqual({
      service: version,
      user: { id: 'admin', context: 'waybill', permissions: '*' },
    });
  });
});
