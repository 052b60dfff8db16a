import { randomInt } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { addUser, runCli } from '../support/add-user.ts';
import {
  aPost,
  expectHealth,
  expectRefused,
  expectReported,
  expectStored,
  postAll,
  type Posted,
} from '../support/batch-poster.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { startFailingServer, type FailingCall } from '../support/failing-calls.ts';
import { MAY_INJECT, UNLESS_INJECTED } from '../support/fault-tools.ts';
import { FILTER } from '../support/events.ts';
import { basic, postJson, reportedNames } from '../support/report-client.ts';
import { manifestPath, segmentPath } from '../support/segment-files.ts';
import { startServerProcess } from '../support/server-process.ts';
import { startWriters } from '../support/stubborn-writers.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { EDQUOT, EIO, ENOSPC, EROFS } = constants.errno;
const FAILED = [503, 'STORE_UNAVAILABLE'] as const;
const WRITERS = 8;
const ROUNDS = 8;
const CUT_SHARE = 0.2;
/** How often each call fails while all do. */
const CHANCES: readonly (readonly [FailingCall, number])[] = [
  ['sync/fdatasync', 0.3],
  ['sync/fsync', 0.2],
  ['rw/pwrite', 0.2],
  ['rw/pwrite/reduce', 0.3],
  ['rw/ftruncate', 0.3],
];

function some(count: number): readonly Posted[] {
  return Array.from({ length: count }, () => aPost());
}

async function segmentsOf(dataFolder: string): Promise<readonly string[]> {
  return readdir(path.join(dataFolder, 'segments'));
}

async function filesOf(dataFolder: string): Promise<readonly string[]> {
  return (await readdir(dataFolder, { recursive: true })).toSorted();
}

/** What of the manifest's records follows the checksum. */
async function manifestOf(dataFolder: string): Promise<readonly unknown[]> {
  const text = await readFile(manifestPath(dataFolder), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

function pause(maxMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, randomInt(0, maxMs)));
}

describe.skipIf(!MAY_INJECT)(`a failing disk below the built server${UNLESS_INJECTED}`, () => {
  it.each<FailingCall>(['sync/fdatasync', 'rw/pwrite'])(
    'that fails in %s takes nothing that is acknowledged, and is over once it works',
    async (call) => {
      const dataFolder = await tempFolder();
      const server = await startFailingServer(dataFolder);
      const [early, late] = [some(3), some(8)];
      expectStored(await postAll(server.url, early));
      const { size } = await stat(segmentPath(dataFolder));

      await server.fail(call, EIO);
      for (let round = 0; round < 5; round++) {
        expectRefused(await postAll(server.url, late), ...FAILED);
        await expectHealth(server.url, false);
        expectStored(await postAll(server.url, early));
      }
      await server.mend(call);
      expectStored(await postAll(server.url, late));
      expectStored(await postAll(server.url, late));
      await expectHealth(server.url, true);
      const closes = { segment: 1, length: size };
      expect(await manifestOf(dataFolder)).toContainEqual(
        expect.objectContaining({ op: 'open', segment: 2, closes }),
      );
      expect((await stat(segmentPath(dataFolder))).size).toBe(size);
      expect(await segmentsOf(dataFolder)).toHaveLength(2);
      await server.stop('SIGKILL');
      await expectReported((await startServerProcess({ dataFolder })).url, [...early, ...late]);
    },
  );

  it('that fails to close the failed segment too leaves everything refused, and no file behind', async () => {
    const dataFolder = await tempFolder();
    const server = await startFailingServer(dataFolder);
    const [early, late] = [some(3), some(8)];
    expectStored(await postAll(server.url, early));

    await server.fail('sync/fdatasync', EIO);
    expectRefused(await postAll(server.url, late.slice(0, 1)), ...FAILED);
    await server.fail('sync/fsync', EIO);
    await server.mend('sync/fdatasync');
    for (let round = 0; round < 5; round++) expectRefused(await postAll(server.url, late), ...FAILED);
    await expectHealth(server.url, false);
    await server.mend('sync/fsync');

    expectStored(await postAll(server.url, late));
    await expectHealth(server.url, true);
    expect(await segmentsOf(dataFolder)).toHaveLength(2);
    await server.stop('SIGKILL');
    await expectReported((await startServerProcess({ dataFolder })).url, [...early, ...late]);
  });

  it('below a server that is killed meanwhile doubles nothing that reached the file unflushed', async () => {
    const dataFolder = await tempFolder();
    const server = await startFailingServer(dataFolder);
    const [early, late] = [some(3), some(8)];
    expectStored(await postAll(server.url, early));
    const { size } = await stat(segmentPath(dataFolder));
    await server.fail('sync/fdatasync', EIO);
    expectRefused(await postAll(server.url, late.slice(0, 1)), ...FAILED);
    expect((await stat(segmentPath(dataFolder))).size).toBeGreaterThan(size);
    await server.stop('SIGKILL');

    const restarted = await startServerProcess({ dataFolder });
    expectStored(await postAll(restarted.url, late));

    await expectReported(restarted.url, [...early, ...late]);
  });

  it('whose quota is used up goes on in the same segment', async () => {
    const dataFolder = await tempFolder();
    const server = await startFailingServer(dataFolder);
    const [early, late] = [some(3), some(8)];
    expectStored(await postAll(server.url, early));

    await server.fail('rw/pwrite', EDQUOT);
    expectRefused(await postAll(server.url, late), 507, 'STORE_FULL');
    await expectHealth(server.url, false);
    await server.mend('rw/pwrite');

    expectStored(await postAll(server.url, late));
    expect(await segmentsOf(dataFolder)).toHaveLength(1);
    await server.stop('SIGKILL');
    await expectReported((await startServerProcess({ dataFolder })).url, [...early, ...late]);
  });

  it.each([
    ['fails', EIO, 503, 'STORE_UNAVAILABLE', 'the disk refused a write'],
    ['is read-only', EROFS, 503, 'STORE_UNAVAILABLE', 'the disk refused a write'],
    ['is full', ENOSPC, 507, 'STORE_FULL', 'the disk is full'],
    ['has a used-up quota', EDQUOT, 507, 'STORE_FULL', 'the disk is full'],
  ])('that %s refuses reports, users and erasures until later, and keeps nothing of them', async (...row) => {
    const [, errno, status, code, message] = row;
    const dataFolder = await tempFolder();
    const server = await startFailingServer(dataFolder);
    const early = some(3);
    expectStored(await postAll(server.url, early));
    const before = await filesOf(dataFolder);

    await server.fail('sync/fsync', errno);
    const refused = await postJson(`${server.url}/reports`, { filter: FILTER }, basic());
    const user = await addUser(dataFolder, 'ann', '*', 'one').catch(String);
    const erasure = await runCli(['erase', '--customer', 'TGAM'], dataFolder).catch(String);
    await server.mend('sync/fsync');

    expect(refused.status).toBe(status);
    expect(refused.headers.get('retry-after')).toBe('5');
    const attempted = 'An attempt to make a report failed.';
    expect(await refused.json()).toEqual([
      {
        value: { code: 'REQUEST_GENERAL_FAILURE', message: attempted },
        children: [{ value: { code, message }, children: [] }],
      },
    ]);
    expect(user).toContain(`waybill: ${message}: see to it, then try again`);
    expect(erasure).toContain(`waybill: ${message}: see to it, then try again`);
    expect(await filesOf(dataFolder)).toEqual(before);
    expect(await addUser(dataFolder, 'bob', '*', 'two')).toContain('bob');
    await server.stop('SIGKILL');
    const restarted = await startServerProcess({ dataFolder });
    expect(await runCli(['user', 'list'], dataFolder)).toBe('admin\twaybill\t*\nbob\twaybill\t*\n');
    await expectReported(restarted.url, early);
  });

  it('that fails now and then, under a server that is killed, loses and doubles nothing', async () => {
    const dataFolder = await tempFolder();
    const proxy = await startCuttingProxy(CUT_SHARE);
    let server = await startFailingServer(dataFolder);
    proxy.setPort(server.port);
    const writers = startWriters(proxy.url, WRITERS);
    let log = '';
    for (let round = 0; round < ROUNDS; round++) {
      for (const [call, chance] of CHANCES) await server.fail(call, EIO, chance);
      await pause(300);
      if (round % 2 === 0) {
        for (const [call] of CHANCES) await server.mend(call);
        await writers.round();
        await expectHealth(server.url, true);
      }
      await server.stop('SIGKILL');
      log += server.log();
      server = await startFailingServer(dataFolder);
      proxy.setPort(server.port);
    }
    await writers.stop();
    await server.stop('SIGTERM');
    const last = await startServerProcess({ dataFolder });

    const reported = await reportedNames(last.url);
    expect(log).toContain('EIO');
    expect(log + server.log() + last.log()).not.toContain('damaged');
    expect(reported.toSorted()).toEqual(writers.acknowledged.toSorted());
    expect(new Set(reported).size).toBe(reported.length);
  });
});
