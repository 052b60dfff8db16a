import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { addUser } from '../support/add-user.ts';
import { anEvent, FILTER } from '../support/events.ts';
import { holdChild } from '../support/hold-child.ts';
import { startLimitingProxy } from '../support/limiting-proxy.ts';
import { basic, downloadReport, postJson } from '../support/report-client.ts';
import { runToEnd, startCli, type CliEnd, type CliOptions, type RunningCli } from '../support/run-cli.ts';
import { ADMIN, startServerProcess, type ServerProcess } from '../support/server-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const WISH = ['report', '--customer', FILTER.customer, '--product', FILTER.product];
const PASSWORD = { WAYBILL_PASSWORD: ADMIN.password };
const CATALOG = path.resolve('server/catalog/usage.catalog.json');

function atServer(url: string, user = ADMIN.id): string[] {
  return ['--server', url, '--user', user];
}

async function post({ url }: ServerProcess, timestamps: readonly number[]): Promise<void> {
  const events = timestamps.map((timestamp) => anEvent({ timestamp, context: [`user ${timestamp}`, '=p'] }));
  expect((await postJson(`${url}/events`, { events })).status).toBe(200);
}

/** More than pipes and sockets take. */
async function postMuch({ url }: ServerProcess, megabytes: number): Promise<void> {
  for (let at = 0; at < megabytes; at++) {
    const context = ['user', 'x'.repeat(4_000)];
    const events = Array.from({ length: 240 }, (_, index) =>
      anEvent({ timestamp: at * 1_000 + index, context }),
    );
    expect((await postJson(`${url}/events`, { events })).status).toBe(200);
  }
}

function reportFiles(dataFolder: string): Promise<string[]> {
  return readdir(path.join(dataFolder, 'reports'));
}

/** What a server's administrator has asked for and not deleted. */
async function askedFor(url: string): Promise<unknown> {
  return (await fetch(`${url}/reports`, { headers: basic() })).json();
}

/** Resolves when a command has written as much as there is room for. */
async function stalled({ pid, stdout }: RunningCli): Promise<void> {
  await new Promise((resolve) => stdout.once('readable', resolve));
  const written = async (): Promise<string> =>
    /^wchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1] ?? '';
  for (let before = ''; before !== (await written());) {
    before = await written();
    await setTimeout(50);
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe('waybill report', () => {
  it('gives the same bytes in all three ways, and leaves no file of its own', async () => {
    const server = await startServerProcess();
    const { url, dataFolder } = server;
    await post(server, [300, 100, 200]);
    const output = ['--delimiter', String.raw`\t`, '--no-guard'];
    const wish = [...WISH, ...output, '--types', 'PORTFOLIO-ACCESSED,OTHER'];
    const filter = { ...FILTER, types: ['PORTFOLIO-ACCESSED', 'OTHER'] };
    const expected = await downloadReport(url, { filter, output: { delimiter: '\t', guard: false } });
    const before = await reportFiles(dataFolder);

    const fromOwner = await runToEnd(wish, { dataFolder });
    const afterOwner = await reportFiles(dataFolder);
    const fromServer = await runToEnd([...wish, ...atServer(url)], { env: PASSWORD });
    await server.stop();
    const left = await reportFiles(dataFolder);
    const alone = await runToEnd(wish, { dataFolder });

    expect(expected.split('\n')).toHaveLength(5);
    const stderr = `3 rows, ${expected.length} bytes, sha256 ${sha256(expected)}\n`;
    for (const end of [fromOwner, fromServer, alone])
      expect(end).toEqual({ code: 0, stdout: expected, stderr });
    expect(afterOwner).toEqual(before);
    expect(await reportFiles(dataFolder)).toEqual(left);
    // Nothing of it is in the list of jobs either.
    expect(await readFile(path.join(dataFolder, 'jobs.json'), 'utf8')).not.toContain('waybill report');
  });

  it('takes a date for the whole day, of UTC, and a time with its zone', async () => {
    const server = await startServerProcess();
    const day = Date.UTC(2026, 0, 31);
    await post(server, [day - 1, day, day + 86_399_999, day + 86_400_000]);
    const rows = async (...times: readonly string[]): Promise<string[]> => {
      const end = await runToEnd([...WISH, '--no-header', '--quiet', ...times], server);
      expect(end).toMatchObject({ code: 0, stderr: '' });
      return end.stdout.split('\n').flatMap((row) => (row === '' ? [] : [row.split('|')[0] ?? '']));
    };

    expect(await rows('--start', '2026-01-31', '--end', '2026-01-31')).toEqual([
      String(day),
      String(day + 86_399_999),
    ]);
    expect(await rows('--start', '2026-01-31T01:00+01:00', '--end', String(day))).toEqual([String(day)]);
    const wrong = await runToEnd([...WISH, '--end', '2026-01-31T10:00'], server);
    expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--end must be') });
  });

  it('says what is wrong with a request, in the same words in all three ways', async () => {
    const server = await startServerProcess({ env: { WAYBILL_CATALOG: CATALOG } });
    const { url, dataFolder } = server;
    const wish = ['report', '--customer', 'NOBODY', '--product', 'PORTFOLIO', '--delimiter', 'ab'];
    const options: CliOptions = { dataFolder, env: { WAYBILL_CATALOG: CATALOG, ...PASSWORD } };

    const ends = [await runToEnd(wish, options), await runToEnd([...wish, ...atServer(url)], options)];
    await server.stop();
    ends.push(await runToEnd(wish, options));

    for (const { code, stdout, stderr } of ends) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(
        '"filter.customer" is not a customer of the catalog; "output.delimiter" must be',
      );
    }
    expect(await reportFiles(dataFolder)).toEqual([]);
  });

  it('asks a server with the password of standard input, and tells a wrong one and a lacking right', async () => {
    const server = await startServerProcess();
    await post(server, [1]);
    await addUser(server.dataFolder, 'ann', 'TGAM', 'secret');
    const ask = (user: string, input: string): Promise<CliEnd> =>
      runToEnd([...WISH, '--no-header', ...atServer(server.url, user)], { input });

    expect(await ask(ADMIN.id, `${ADMIN.password}\nmore\n`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1\|/),
    });
    const refused = { code: 1, stdout: '' };
    expect(await ask(ADMIN.id, 'wrong\n')).toMatchObject({
      ...refused,
      stderr: expect.stringContaining('the password is wrong'),
    });
    expect(await ask('ann', 'secret\n')).toMatchObject({
      ...refused,
      stderr: expect.stringContaining('no right to reports of this customer (filter.customer)'),
    });
    expect(await ask(ADMIN.id, '')).toMatchObject({
      ...refused,
      stderr: expect.stringContaining('is empty'),
    });
  });

  it('goes on where a connection was cut', async () => {
    const server = await startServerProcess();
    await postMuch(server, 2);
    const expected = await downloadReport(server.url, { filter: FILTER });
    const proxy = await startLimitingProxy(server.port, 700_000);

    const end = await runToEnd([...WISH, ...atServer(proxy.url)], { env: PASSWORD });

    expect(end).toMatchObject({ code: 0, stderr: expect.stringContaining(sha256(expected)) });
    expect(sha256(end.stdout)).toBe(sha256(expected));
    expect(proxy.cuts()).toBe(2);
  });

  it('writes a file that appears when it is whole', async () => {
    const server = await startServerProcess();
    await post(server, [1]);
    const folder = await tempFolder();
    const file = path.join(folder, 'report.csv');
    await writeFile(file, 'before');

    const refused = await runToEnd([...WISH, '--output', file, '--delimiter', 'ab'], server);
    const kept = await readFile(file, 'utf8');
    const written = await runToEnd([...WISH, '--output', file], server);

    expect(refused.code).toBe(1);
    expect(kept).toBe('before');
    expect(written).toMatchObject({ code: 0, stdout: '' });
    expect(await readFile(file, 'utf8')).toBe(await downloadReport(server.url, { filter: FILTER }));
    expect(await readdir(folder)).toEqual(['report.csv']);
  });
});

describe.each([['beside a running server'], ['without a server']])('waybill report %s', (place) => {
  const serve = async (): Promise<ServerProcess> => {
    const server = await startServerProcess();
    await postMuch(server, 3);
    if (place === 'without a server') await server.stop();
    return server;
  };

  it('ends quietly when its reader goes away, and removes what it had made', async () => {
    const server = await serve();
    const cli = startCli(WISH, server);

    await new Promise((resolve) => cli.stdout.once('readable', resolve));
    cli.stdout.destroy();

    expect(await cli.end()).toMatchObject({ code: 141, stderr: '' });
    expect(await reportFiles(server.dataFolder)).toEqual([]);
  });

  it('is stopped by Ctrl-C though nobody reads on, and removes what it had made', async () => {
    const server = await serve();
    const cli = startCli(WISH, server);
    await stalled(cli);
    expect(await reportFiles(server.dataFolder)).toHaveLength(1);

    cli.kill('SIGINT');

    // Reading its output would let it go on.
    expect(await cli.exited).toBe(130);
    expect(await cli.end()).toMatchObject({ code: 130, stderr: '' });
    expect(await reportFiles(server.dataFolder)).toEqual([]);
  });
});

describe('waybill report of a server', () => {
  it('is stopped by Ctrl-C while it is made, and the server forgets it', async () => {
    const server = await startServerProcess();
    await post(server, [1]);
    const file = path.join(await tempFolder(), 'report.csv');
    const wish = [...WISH, ...atServer(server.url), '--output', file];
    const held = holdChild(server);
    const cli = startCli(wish, { env: PASSWORD });
    await held;

    cli.kill('SIGINT');

    expect(await cli.end()).toEqual({ code: 130, stdout: '', stderr: '' });
    expect(await askedFor(server.url)).toEqual([]);
    expect(await reportFiles(server.dataFolder)).toEqual([]);
    expect(await readdir(path.dirname(file))).toEqual([]);
    expect(await runToEnd(wish, { env: PASSWORD })).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toBe(await downloadReport(server.url, { filter: FILTER }));
  });

  it('is stopped by Ctrl-C half way through its download, and leaves the file as it was before', async () => {
    const server = await startServerProcess();
    await postMuch(server, 2);
    const proxy = await startLimitingProxy(server.port, 700_000, 'stall');
    const folder = await tempFolder();
    const file = path.join(folder, 'report.csv');
    await writeFile(file, 'before');
    const cli = startCli([...WISH, ...atServer(proxy.url), '--output', file], { env: PASSWORD });
    const half = path.join(folder, `report.csv.${cli.pid}.tmp`);
    await expect
      .poll(
        () =>
          stat(half).then(
            ({ size }) => size,
            () => 0,
          ),
        { timeout: 10_000 },
      )
      .toBeGreaterThan(0);

    cli.kill('SIGINT');

    expect(await cli.end()).toEqual({ code: 130, stdout: '', stderr: '' });
    expect(await readdir(folder)).toEqual(['report.csv']);
    expect(await readFile(file, 'utf8')).toBe('before');
    expect(await askedFor(server.url)).toEqual([]);
    expect(await reportFiles(server.dataFolder)).toEqual([]);
    const again = await runToEnd([...WISH, ...atServer(server.url), '--output', file], { env: PASSWORD });
    expect(again).toMatchObject({ code: 0, stdout: '' });
    expect(await readFile(file, 'utf8')).toBe(await downloadReport(server.url, { filter: FILTER }));
  });
});
