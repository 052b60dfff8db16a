import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { addUser, runCli } from '../support/add-user.ts';
import { anEvent, FILTER } from '../support/events.ts';
import { basic, downloadReport, postJson } from '../support/report-client.ts';
import { launchServer, startServerProcess } from '../support/server-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('the server', () => {
  it('says where it listens, and shows the first administrator once', async () => {
    const dataFolder = await tempFolder();
    const env = { WAYBILL_ADMIN: '' };
    const first = await startServerProcess({ dataFolder, env });
    const password = /Password +(\S+)/.exec(first.output())?.[1] ?? '';
    const answer = await fetch(`${first.url}/service/authenticate`, { headers: basic('admin', password) });
    await first.stop();

    const second = await startServerProcess({ dataFolder, env });

    expect(first.output()).toContain(`${first.url}/`);
    expect(answer.status).toBe(200);
    expect(second.output()).not.toContain('Password');
    expect(first.log() + second.log()).not.toContain(password);
  });

  it('ends with code 0 on SIGTERM and keeps what it acknowledged', async () => {
    const dataFolder = await tempFolder();
    const first = await startServerProcess({ dataFolder });
    await postJson(`${first.url}/events`, { events: [anEvent({ timestamp: 7 })] });

    expect(await first.stop('SIGTERM')).toBe(0);

    const second = await startServerProcess({ dataFolder });
    expect(await downloadReport(second.url, { filter: FILTER, output: { header: false } })).toMatch(/^7\|/);
  });

  it('keeps a second server from its data, and says why', async () => {
    const { dataFolder } = await startServerProcess();
    await expect(launchServer({ dataFolder })).rejects.toThrow(/in use by another waybill process/);
  });

  it('names all settings that are wrong', async () => {
    const dataFolder = await tempFolder();
    await expect(
      launchServer({ dataFolder, env: { WAYBILL_LOG_LEVEL: 'loud', WAYBILL_REPORT_WORKERS: '0' } }),
    ).rejects.toThrow(
      /WAYBILL_LOG_LEVEL[^]*WAYBILL_REPORT_WORKERS|WAYBILL_REPORT_WORKERS[^]*WAYBILL_LOG_LEVEL/,
    );
  });

  it('starts where nothing can be written, if nothing has to be', async () => {
    const dataFolder = await tempFolder();
    const first = await startServerProcess({ dataFolder });
    await first.stop();
    const users = path.join(dataFolder, 'users.json');
    const before = (await stat(users)).mtimeMs;

    await startServerProcess({ dataFolder });

    expect((await stat(users)).mtimeMs).toBe(before);
  });

  it('works in a folder whose name is too long for a socket', async () => {
    const dataFolder = path.join(await tempFolder(), 'x'.repeat(100));
    const server = await startServerProcess({ dataFolder });
    await addUser(dataFolder, 'ann', '*', 'one');
    expect((await fetch(`${server.url}/service/authenticate`, { headers: basic('ann', 'one') })).status).toBe(
      200,
    );
  });

  it('keeps its folder and files from other users', async () => {
    const dataFolder = path.join(await tempFolder(), 'new');
    await startServerProcess({ dataFolder });
    expect((await stat(dataFolder)).mode & 0o077).toBe(0);
    expect((await stat(path.join(dataFolder, 'users.json'))).mode & 0o077).toBe(0);
    expect((await stat(path.join(dataFolder, 'secrets.json'))).mode & 0o077).toBe(0);
    expect((await stat(path.join(dataFolder, 'manifest.jsonl'))).mode & 0o077).toBe(0);
  });

  it('refuses what a named catalog does not list, naming the field', async () => {
    const catalog = path.join(await tempFolder(), 'catalog.json');
    await writeFile(catalog, '{"customers":["C"],"products":{"P":{"columns":["a"],"types":{"T":["a"]}}}}');
    const { url } = await startServerProcess({ env: { WAYBILL_CATALOG: catalog } });
    const good = anEvent({ customer: 'C', product: 'P', type: 'T', context: ['x'] });
    const events = [good, { ...good, type: 'X' }, { ...good, context: ['x', 'y'] }];

    const strict = await postJson(`${url}/events`, { events });
    const lenient = await postJson(`${url}/events`, { events, prefer: 'handling=lenient,return=minimal' });
    const report = await postJson(`${url}/reports`, { filter: FILTER }, basic());

    expect(strict.status).toBe(400);
    expect(await strict.json()).toMatchObject([
      {
        children: [
          { value: { code: 'EVENT_TYPE_UNKNOWN', path: 'events[1].type' } },
          { value: { code: 'EVENT_CONTEXT_UNKNOWN', path: 'events[2].context' } },
        ],
      },
    ]);
    expect(await lenient.json()).toMatchObject({ stored: 1, rejected: [{ sequence: 1 }, { sequence: 2 }] });
    expect(report.status).toBe(400);
    expect(await downloadReport(url, { filter: { customer: 'C', product: 'P' } })).toMatch(
      /^timestamp\|type\|a\n/,
    );
  });

  it('answers a known batch as before, whatever the catalog says by now', async () => {
    const folder = await tempFolder();
    const catalog = path.join(folder, 'catalog.json');
    const named = (type: string) =>
      `{"customers":["C"],"products":{"P":{"columns":[],"types":{"${type}":[]}}}}`;
    await writeFile(catalog, named('OLD'));
    const dataFolder = await tempFolder();
    const first = await startServerProcess({ dataFolder, env: { WAYBILL_CATALOG: catalog } });
    const event = anEvent({ customer: 'C', product: 'P', type: 'OLD', context: [] });
    const body = { batch: '11111111-2222-4333-8444-555555555555', events: [event] };
    const before = await (await postJson(`${first.url}/events`, body)).text();
    await first.stop();
    await writeFile(catalog, named('NEW'));

    const second = await startServerProcess({ dataFolder, env: { WAYBILL_CATALOG: catalog } });
    const after = await postJson(`${second.url}/events`, body);

    expect(after.status).toBe(200);
    expect(await after.text()).toBe(before);
  });

  it('gives no access to origins that are not allowed', async () => {
    const { url } = await startServerProcess({ env: { WAYBILL_ORIGINS: 'https://a.example' } });
    const from = (origin: string) => postJson(`${url}/events`, { events: [] }, { origin });

    const allowed = await from('https://a.example');
    const refused = await from('https://b.example');

    expect(allowed.status).toBe(200);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://a.example');
    expect(allowed.headers.get('vary')).toContain('Origin');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    expect((await from(url)).status).toBe(200);
    expect((await postJson(`${url}/events`, { events: [] })).status).toBe(200);
  });
});

describe('the command line', () => {
  it('adds users beside a running server and without one', async () => {
    const server = await startServerProcess();
    await addUser(server.dataFolder, 'ann', 'A,B', 'one');
    expect((await fetch(`${server.url}/service/authenticate`, { headers: basic('ann', 'one') })).status).toBe(
      200,
    );
    await server.stop();

    await addUser(server.dataFolder, 'bob', '*', 'two');

    expect(await runCli(['user', 'list'], server.dataFolder)).toBe(
      'admin\twaybill\t*\nann\twaybill\tA,B\nbob\twaybill\t*\n',
    );
    const restarted = await startServerProcess({ dataFolder: server.dataFolder });
    expect(
      (await fetch(`${restarted.url}/service/authenticate`, { headers: basic('bob', 'two') })).status,
    ).toBe(200);
  });

  it('says what is wrong, and how it is used', async () => {
    const folder = await tempFolder();
    await expect(runCli(['fly'], folder)).rejects.toThrow(/no command "fly"/);
    await expect(runCli(['user', 'add', 'ann'], folder)).rejects.toThrow(/password/);
    await expect(addUser(folder, 'a:b', '*', 'x')).rejects.toThrow(/user name/);
    expect(await runCli(['--help'], folder)).toContain('user add NAME');
  });
});
