import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { addUser, runCli } from '../support/add-user.ts';
import { aPost, expectRefused, expectReported, expectStored, postAll } from '../support/batch-poster.ts';
import { FILTER } from '../support/events.ts';
import { MAY_MOUNT, UNLESS_MOUNTED } from '../support/fault-tools.ts';
import { mountMemory } from '../support/mounts.ts';
import { basic, linkOf, makeReport, postJson } from '../support/report-client.ts';
import { launchServer, startServerProcess } from '../support/server-process.ts';
import { useUpBytes, useUpFiles } from '../support/use-up.ts';

const FULL = [507, 'STORE_FULL'] as const;
/** Within which the server tries again what it could not make, and some more. */
const RETRY_MS = 15_000;

interface FullDisk {
  readonly options: string;
  readonly fill: (folder: string) => Promise<readonly string[]>;
  /** Whether a batch still finds room. */
  readonly hasRoom: boolean;
}

const DISKS: readonly (readonly [string, FullDisk])[] = [
  ['room', { options: 'size=1m', fill: useUpBytes, hasRoom: false }],
  ['file', { options: 'size=4m,nr_inodes=40', fill: useUpFiles, hasRoom: true }],
];

async function free(files: readonly string[]): Promise<void> {
  for (const file of files) await rm(file);
}

function statusOf(url: string, password?: string): Promise<number> {
  return fetch(`${url}/service/authenticate`, { headers: basic('admin', password) }).then(
    ({ status }) => status,
  );
}

describe.skipIf(!MAY_MOUNT).each(DISKS)(`a disk that has no %s left${UNLESS_MOUNTED}`, (_what, disk) => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('stops no start after %s', async (signal) => {
    const dataFolder = await mountMemory(disk.options);
    const [early, late] = [aPost(), aPost(16_384)];
    const first = await startServerProcess({ dataFolder });
    expectStored(await postAll(first.url, [early]));
    const { source } = await makeReport(first.url, { filter: FILTER });
    await first.stop(signal);
    const files = await disk.fill(dataFolder);

    const second = await startServerProcess({ dataFolder });

    expectStored(await postAll(second.url, [early]));
    expect((await fetch(await linkOf(second.url, source))).status).toBe(200);
    const answers = await postAll(second.url, [late]);
    if (disk.hasRoom) expectStored(answers);
    else expectRefused(answers, ...FULL);
    const refused = await postJson(`${second.url}/reports`, { filter: FILTER }, basic());
    expect(refused.status).toBe(507);
    expect(refused.headers.get('retry-after')).toBe('5');
    await free(files);
    expectStored(await postAll(second.url, [late]));
    await expectReported(second.url, [early, late]);
    await expect
      .poll(() => addUser(dataFolder, 'ann', '*', 'one').catch(String), { timeout: RETRY_MS })
      .toContain('user ann may report');
    expect(await second.stop('SIGTERM')).toBe(0);
  });

  it('refuses the very first start, saying what to do', async () => {
    const dataFolder = await mountMemory(disk.options);
    await disk.fill(dataFolder);
    const sentence = /waybill: .*no space left.*: free some space, or some files .* and start again$/m;
    await expect(launchServer({ dataFolder })).rejects.toThrow(sentence);
  });

  it('keeps what a start has to write for later, if the server can do without', async () => {
    const dataFolder = await mountMemory(disk.options);
    const early = aPost();
    const first = await startServerProcess({ dataFolder });
    expectStored(await postAll(first.url, [early]));
    await first.stop();
    await rm(path.join(dataFolder, 'secrets.json'));
    const files = await disk.fill(dataFolder);
    // On a disk without files these are two of them.
    const env = { WAYBILL_ADMIN: 'admin:another password' };

    const second = await startServerProcess({ dataFolder, env });

    expectStored(await postAll(second.url, [early]));
    expect(await statusOf(second.url)).toBe(200);
    expect(second.log().split('could not be stored: it is tried again')).toHaveLength(3);
    await free(files);
    await expect.poll(() => statusOf(second.url, 'another password'), { timeout: RETRY_MS }).toBe(200);
    const secrets = (): Promise<string> =>
      readFile(path.join(dataFolder, 'secrets.json'), 'utf8').catch(String);
    await expect.poll(secrets, { timeout: RETRY_MS }).toContain('linkKey');
  });
});

describe.skipIf(!MAY_MOUNT)(`a server that has no room for its socket${UNLESS_MOUNTED}`, () => {
  it('has the command line say so, says so itself once, and makes it later', async () => {
    const dataFolder = await mountMemory('size=4m,nr_inodes=40');
    await (await startServerProcess({ dataFolder })).stop('SIGTERM');
    const files = await useUpFiles(dataFolder);
    const server = await startServerProcess({ dataFolder });

    for (const args of [
      ['user', 'list'],
      ['erase', '--customer', 'BARCHART'],
    ])
      await expect(runCli(args, dataFolder)).rejects.toThrow(/has no socket .*admin\.sock.* free some space/);

    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(server.log().split('no socket for the command line')).toHaveLength(2);
    await free(files);
    const list = (): Promise<string> => runCli(['user', 'list'], dataFolder).catch(String);
    await expect.poll(list, { timeout: RETRY_MS }).toBe('admin\twaybill\t*\n');
    expect(await runCli(['erase', '--customer', 'BARCHART'], dataFolder)).toContain('0 events erased');
    expect(await server.stop('SIGTERM')).toBe(0);
  });
});

describe.skipIf(!MAY_MOUNT)(`a server whose output is on the full disk, too${UNLESS_MOUNTED}`, () => {
  it('serves all the same, and logs again when there is room', async () => {
    const dataFolder = await mountMemory('size=1m');
    const log = path.join(dataFolder, 'log');
    const early = aPost();
    const first = await startServerProcess({ dataFolder });
    expectStored(await postAll(first.url, [early]));
    await first.stop();
    await writeFile(log, '');
    const files = await useUpBytes(dataFolder);
    // Says in its place where it listens.
    const greeting = 'echo "Waybill listens on http://127.0.0.1:$PORT"';
    const under = ['sh', '-c', `${greeting}; exec "$0" "$@" >>'${log}' 2>>'${log}'`];

    const server = await startServerProcess({ dataFolder, port: first.port, under });

    const isUp = (): Promise<boolean> =>
      fetch(`${server.url}/service/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(isUp, { timeout: RETRY_MS }).toBe(true);
    expectRefused(await postAll(server.url, [aPost(16_384)]), ...FULL);
    expectStored(await postAll(server.url, [early]));
    // Its password is checked behind the one of the settings, with which the start ends.
    expect(await statusOf(server.url)).toBe(200);
    await free(files);
    expectStored(await postAll(server.url, [aPost()]));
    expect(await server.stop('SIGTERM')).toBe(0);
    const logged = await readFile(log, 'utf8');
    expect(logged).toContain('request failed');
    expect(logged).toContain('stopping');
  });
});
