import { readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/add-user.ts';
import { anEvent, FILTER } from '../support/events.ts';
import { fillStore } from '../support/full-store.ts';
import { parseCsv } from '../support/parse-csv.ts';
import { downloadReport, postJson } from '../support/report-client.ts';
import { segmentPath } from '../support/segment-files.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const OUTPUT = { header: false, guard: false };

async function post({ url }: ServerProcess, users: readonly string[]): Promise<void> {
  const events = users.map((user) => anEvent({ context: [user, 'portfolio-1'] }));
  expect((await postJson(`${url}/events`, { events })).status).toBe(200);
}

async function reportedUsers({ url }: ServerProcess): Promise<string[]> {
  const rows = parseCsv(await downloadReport(url, { filter: FILTER, output: OUTPUT }));
  return rows.map((row) => row[2] ?? '');
}

function reportFiles({ dataFolder }: ServerProcess): Promise<string[]> {
  return readdir(path.join(dataFolder, 'reports'));
}

describe('waybill erase', () => {
  it('removes the events of a user beside a running server, and the reports that show them', async () => {
    const server = await startServerProcess();
    await post(server, ['ann', 'bob']);
    expect(await reportedUsers(server)).toEqual(['ann', 'bob']);
    expect(await reportFiles(server)).toHaveLength(1);

    const args = ['erase', '--customer', 'BARCHART', '--context-key', 'userId', '--value', 'ann'];
    expect(await runCli(args, server.dataFolder)).toMatch(/^erasure 1 .*\n1 events erased, done \d{4}-/);

    expect(await reportFiles(server)).toEqual([]);
    expect(await reportedUsers(server)).toEqual(['bob']);
    // A process of the server's sealed the segment, and rewrote it.
    expect(await readdir(path.join(server.dataFolder, 'sealed'))).toHaveLength(2);
    await server.stop('SIGKILL');
    const again = await startServerProcess({ dataFolder: server.dataFolder });
    expect(await reportedUsers(again)).toEqual(['bob']);
    expect(await runCli(['verify'], server.dataFolder)).toMatch(/no damage\n$/);
  });

  it('does so without a server, too', async () => {
    const server = await startServerProcess();
    await post(server, ['ann', 'bob']);
    await reportedUsers(server);
    await server.stop();

    const args = ['erase', '--customer', 'BARCHART', '--before', '2030-01-01'];
    expect(await runCli(args, server.dataFolder)).toContain('2 events erased');

    const again = await startServerProcess({ dataFolder: server.dataFolder });
    expect(await reportFiles(again)).toEqual([]);
    expect(await reportedUsers(again)).toEqual([]);
  });

  it('says which file it waits for, here and in the list, and ends when that is back', async () => {
    const dataFolder = await tempFolder();
    await fillStore(dataFolder, 10);
    const segment = segmentPath(dataFolder);
    await rename(segment, `${segment}.away`);
    const server = await startServerProcess({ dataFolder });
    const obstacle = `it waits: ${segment} can not be sealed (`;

    const erasing = runCli(['erase', '--customer', 'TGAM'], dataFolder);
    await expect
      .poll(() => runCli(['erasures'], dataFolder), { timeout: 20_000, interval: 200 })
      .toContain(obstacle);
    await rename(`${segment}.away`, segment);
    const filter = { ...FILTER, customer: 'TGAM' };
    expect(await downloadReport(server.url, { filter, output: OUTPUT })).toBe('');

    const lines = (await erasing).split('\n');
    expect(lines[1]).toContain(obstacle);
    expect(lines.slice(2)).toEqual([expect.stringMatching(/^10 events erased, done \d{4}-/), '']);
    expect(await runCli(['erasures'], dataFolder)).toMatch(/^1\tTGAM\t.*\t10 events erased\tdone \d{4}-/);
  });

  it.each([
    ['no customer', [], '--customer is required'],
    ['half a key', ['--customer', 'A', '--value', 'x'], 'only good together'],
    [
      'a key that nobody knows',
      ['--customer', 'A', '--context-key', 'shoe', '--value', 'x'],
      'context key "shoe"',
    ],
    ['no time', ['--customer', 'A', '--before', 'yesterday'], '--before must be'],
    ['an unknown option', ['--customer', 'A', '--after', '1'], '--after'],
  ])('refuses %s, and erases nothing', async (_title, args, message) => {
    const server = await startServerProcess();
    await post(server, ['ann']);

    await expect(runCli(['erase', ...args], server.dataFolder)).rejects.toThrow(message);

    expect(await reportedUsers(server)).toEqual(['ann']);
  });
});

describe('WAYBILL_RETENTION_DAYS', () => {
  const DAY = 86_400_000;

  it('lets events expire by their timestamps, and refuses those that come too late', async () => {
    const server = await startServerProcess();
    const now = Date.now();
    const events = [anEvent({ timestamp: now - 40 * DAY }), anEvent({ timestamp: now - 2 * DAY })];
    expect((await postJson(`${server.url}/events`, { events })).status).toBe(200);
    await server.stop();

    const { dataFolder } = server;
    const keeping = await startServerProcess({ dataFolder, env: { WAYBILL_RETENTION_DAYS: '30' } });
    const prefer = 'return=minimal, handling=lenient';
    const late = await postJson(`${keeping.url}/events`, { events, prefer });
    expect(await late.json()).toMatchObject({
      stored: 1,
      rejected: [{ sequence: 0, code: 'EVENT_TIMESTAMP_OUT_OF_RANGE', path: 'events[0].timestamp' }],
    });
    expect((await postJson(`${keeping.url}/events`, { events })).status).toBe(400);

    const rows = parseCsv(await downloadReport(keeping.url, { filter: FILTER, output: OUTPUT }));
    expect(rows.map((row) => row[0])).toEqual([now - 2 * DAY, now - 2 * DAY].map(String));
  });

  it('refuses none as too old by a clock that is doubted', async () => {
    const server = await startServerProcess();
    const events = [anEvent({ timestamp: Date.now() - 40 * DAY })];
    expect((await postJson(`${server.url}/events`, { events })).status).toBe(200);
    await server.stop();
    const { dataFolder } = server;
    const clock = { believedMs: Date.now() - 70 * DAY, doubtHours: 0 };
    await writeFile(path.join(dataFolder, 'clock.json'), JSON.stringify(clock));

    const doubting = await startServerProcess({ dataFolder, env: { WAYBILL_RETENTION_DAYS: '30' } });

    expect((await postJson(`${doubting.url}/events`, { events })).status).toBe(200);
    const rows = parseCsv(await downloadReport(doubting.url, { filter: FILTER, output: OUTPUT }));
    expect(rows).toHaveLength(2);
  });
});
