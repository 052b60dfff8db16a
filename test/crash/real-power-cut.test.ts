import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { addUser, runCli } from '../support/add-user.ts';
import { aPost, expectRefused, expectReported, expectStored, postAll } from '../support/batch-poster.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { anEvent, FILTER } from '../support/events.ts';
import { startFailingServer } from '../support/failing-calls.ts';
import { MAY_MOUNT, UNLESS_MOUNTED } from '../support/fault-tools.ts';
import { mountImage } from '../support/mounts.ts';
import { linkOf, makeReport, postJson, reportedNames } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { startWriters } from '../support/stubborn-writers.ts';

const WRITERS = 8;
const ROUNDS = 10;

/** Nearly 1 MB of another product's. */
const HEAVY = Array.from({ length: 16 }, () =>
  anEvent({ product: 'WEIGHT', context: Array.from({ length: 14 }, () => 'x'.repeat(4_096)) }),
);

describe.skipIf(!MAY_MOUNT)(`a cut of the power below the built server${UNLESS_MOUNTED}`, () => {
  it('takes no acknowledged event, again and again', async () => {
    const disk = await mountImage();
    const proxy = await startCuttingProxy(0);
    // Each of the heavy batches fills a segment, so that sealing and merging never end.
    const options = { dataFolder: disk.folder, env: { WAYBILL_SEGMENT_BYTES: '200000' } };
    let server = await startServerProcess(options);
    proxy.setPort(server.port);
    const writers = startWriters(proxy.url, WRITERS, (writer) => (writer === 0 ? HEAVY : []));
    let cutInFlight = 0;
    let unflushedLost = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await writers.round();
      // The control: what nobody flushes, the same cut takes.
      const unflushed = path.join(disk.folder, `unflushed-${round}`);
      await writeFile(unflushed, 'not flushed');
      await new Promise((resolve) => setTimeout(resolve, randomInt(0, 300)));
      if (proxy.pending() > 0) cutInFlight++;
      await disk.cutPower(server.pid);
      await server.stop('SIGKILL');
      await disk.restart();
      if ((await readFile(unflushed, 'utf8').catch(() => '')) !== 'not flushed') unflushedLost++;
      server = await startServerProcess(options);
      proxy.setPort(server.port);
    }
    await writers.stop();

    const manifest = (): Promise<string> => readFile(path.join(disk.folder, 'manifest.jsonl'), 'utf8');
    for (const change of ['seal', 'merge-ids', 'merge'])
      await expect.poll(manifest, { timeout: 60_000 }).toContain(`"op":"${change}"`);
    const reported = await reportedNames(server.url);
    expect(cutInFlight).toBeGreaterThanOrEqual(ROUNDS / 2);
    expect(await runCli(['verify'], disk.folder)).toMatch(/no damage\n$/);
    expect(unflushedLost).toBeGreaterThan(ROUNDS / 2);
    expect(server.log()).not.toContain('damaged');
    expect(reported.toSorted()).toEqual(writers.acknowledged.toSorted());
    expect(new Set(reported).size).toBe(reported.length);
  });

  it('takes nothing that a killed server left unflushed, once a retry of it is acknowledged', async () => {
    const disk = await mountImage();
    const failing = await startFailingServer(disk.folder);
    const [early, late] = [aPost(), aPost()];
    expectStored(await postAll(failing.url, [early]));
    await failing.fail('sync/fdatasync', constants.errno.EIO);
    expectRefused(await postAll(failing.url, [late]), 503, 'STORE_UNAVAILABLE');
    await failing.stop('SIGKILL');
    const restarted = await startServerProcess({ dataFolder: disk.folder });
    expectStored(await postAll(restarted.url, [late]));
    await disk.cutPower(restarted.pid);
    await restarted.stop('SIGKILL');
    await disk.restart();

    await expectReported((await startServerProcess({ dataFolder: disk.folder })).url, [early, late]);
  });

  it('takes no user, and no report that ended before', async () => {
    const disk = await mountImage();
    const first = await startServerProcess({ dataFolder: disk.folder });
    await postJson(`${first.url}/events`, { events: [anEvent({ timestamp: 7 })] });
    await addUser(disk.folder, 'ann', 'A', 'one');
    // Last, and nothing waited for: what would be flushed after it must not be what makes it durable.
    const { source, status } = await makeReport(first.url, { filter: FILTER, output: { header: false } });
    await disk.cutPower(first.pid);
    await first.stop('SIGKILL');
    await disk.restart();

    const second = await startServerProcess({ dataFolder: disk.folder });

    expect(status).toBe('COMPLETE');
    expect(await (await fetch(await linkOf(second.url, source))).text()).toMatch(/^7\|/);
    expect(await runCli(['user', 'list'], disk.folder)).toContain('ann\twaybill\tA\n');
  });
});
