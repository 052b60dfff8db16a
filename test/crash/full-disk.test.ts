import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  aPost,
  expectHealth,
  expectRefused,
  expectReported,
  expectStored,
  postAll,
  type PostAnswer,
  type Posted,
} from '../support/batch-poster.ts';
import { FILTER } from '../support/events.ts';
import { MAY_MOUNT, UNLESS_MOUNTED } from '../support/fault-tools.ts';
import { mountMemory } from '../support/mounts.ts';
import { basic, makeReport, postJson } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { useUpFiles } from '../support/use-up.ts';

const FULL = [507, 'STORE_FULL'] as const;
/** How many batches at once, and bytes of an event. */
const FILLING = [
  [8, 16_384],
  [1, 4_096],
  [1, 100],
] as const;
/** More than fit. */
const MOST_BATCHES = 2_000;
/** Given back later: room for what was refused, and for two reports. */
const BALLAST_BYTES = 3_400_000;
/** Room for a job's record, but for no report. */
const RESERVE_BYTES = 12_288;

/** Posts batches, some at once, ever smaller ones, until there is no room at all. */
async function fill(url: string): Promise<readonly PostAnswer[]> {
  const answers: PostAnswer[] = [];
  for (const [atOnce, bytes] of FILLING) {
    let some: readonly PostAnswer[] = [];
    while (!some.some(isRefused)) {
      some = await postAll(
        url,
        Array.from({ length: atOnce }, () => aPost(bytes)),
      );
      answers.push(...some);
      if (answers.length > MOST_BATCHES) throw new Error('a full disk refuses nothing');
    }
  }
  return answers;
}

function isRefused({ status }: PostAnswer): boolean {
  return status !== 200;
}

describe.skipIf(!MAY_MOUNT)(`a full disk below the built server${UNLESS_MOUNTED}`, () => {
  it('takes nothing that is acknowledged, stops no start, and is over once there is space', async () => {
    const dataFolder = await mountMemory('size=4m');
    const ballast = path.join(dataFolder, 'ballast');
    await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
    const first = await startServerProcess({ dataFolder });
    const answers = await fill(first.url);
    const refused = answers.filter(isRefused).map(({ posted }) => posted);

    expectRefused(answers.filter(isRefused), ...FULL);
    await expectHealth(first.url, false);
    await first.stop('SIGKILL');
    const second = await startServerProcess({ dataFolder });
    await expectHealth(second.url, true);
    expectRefused(await postAll(second.url, refused), ...FULL);
    expect(await second.stop('SIGTERM')).toBe(0);
    const third = await startServerProcess({ dataFolder });
    expectRefused(await postAll(third.url, refused), ...FULL);

    await rm(ballast);
    expectStored(await postAll(third.url, refused));
    const all = answers.map(({ posted }) => posted);
    expectStored(await postAll(third.url, all));

    await expectHealth(third.url, true);
    await expectReported(third.url, all);
    await third.stop('SIGKILL');
    await expectReported((await startServerProcess({ dataFolder })).url, all);
  });

  it('fails a report, saying why, and leaves nothing of it behind', async () => {
    const dataFolder = await mountMemory('size=4m');
    const ballast = path.join(dataFolder, 'ballast');
    const reserve = path.join(dataFolder, 'reserve');
    await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
    const server = await startServerProcess({ dataFolder });
    await writeFile(reserve, Buffer.alloc(RESERVE_BYTES));
    const answers = await fill(server.url);
    const refused = await postJson(`${server.url}/reports`, { filter: FILTER }, basic());

    expect(refused.status).toBe(507);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await refused.json()).toMatchObject([{ children: [{ value: { code: 'STORE_FULL' } }] }]);
    expect(await readdir(dataFolder)).not.toContain('jobs.json.tmp');

    await rm(reserve);
    const { source, status } = await makeReport(server.url, { filter: FILTER });
    const answer = await fetch(`${server.url}/reports/${source}`, { headers: basic() });

    expect(status).toBe('FAILED');
    expect(answer.status).toBe(409);
    expect(await answer.text()).toContain('the disk is full: free some space and ask again');
    expect(await readdir(path.join(dataFolder, 'reports'))).toEqual([]);

    await rm(ballast);
    const all = answers.map(({ posted }) => posted);
    expectStored(await postAll(server.url, all));
    await expectReported(server.url, all);
  });

  it('that has no room for another file keeps nothing from being stored in those that are there', async () => {
    const dataFolder = await mountMemory('size=4m,nr_inodes=40');
    const server = await startServerProcess({ dataFolder });
    const [early, late] = [aPost(), aPost()];
    const files = await useUpFiles(dataFolder);

    expectRefused(await postAll(server.url, [early]), ...FULL);
    await rm(files.pop() ?? '');
    expectStored(await postAll(server.url, [early]));
    await useUpFiles(dataFolder);
    expectStored(await postAll(server.url, [late]));
    expect((await postJson(`${server.url}/reports`, { filter: FILTER }, basic())).status).toBe(507);
    await server.stop('SIGKILL');
    const restarted = await startServerProcess({ dataFolder });
    expectStored(await postAll(restarted.url, [early, late]));

    for (const file of files) await rm(file, { force: true });
    await expectReported(restarted.url, [early, late]);
  });
});

describe.skipIf(!MAY_MOUNT)(`sealing without room for it${UNLESS_MOUNTED}`, () => {
  it('leaves nothing behind, keeps nothing from being stored, and is done once there is space', async () => {
    const dataFolder = await mountMemory('size=4m');
    const ballast = path.join(dataFolder, 'ballast');
    await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
    const env = { WAYBILL_SEGMENT_BYTES: '200000' };
    const server = await startServerProcess({ dataFolder, env });
    const posts: Posted[] = [];
    while (!server.log().includes('sealing or merging failed')) {
      if (posts.length > MOST_BATCHES) throw new Error('a full disk refuses no sealing');
      const posted = aPost(16_384);
      const [answer] = await postAll(server.url, [posted]);
      if (answer?.status === 200) posts.push(posted);
    }

    // A second segment may be tried at this moment.
    const left = async (): Promise<string[]> =>
      (await readdir(dataFolder, { recursive: true })).filter((name) => name.endsWith('.tmp'));
    await expect.poll(left).toEqual([]);
    expect(server.log()).toContain('ENOSPC');
    expectStored(await postAll(server.url, posts));

    await rm(ballast);
    const manifest = (): Promise<string> => readFile(path.join(dataFolder, 'manifest.jsonl'), 'utf8');
    await expect.poll(manifest, { timeout: 30_000 }).toContain('"op":"seal"');
    expectStored(await postAll(server.url, posts));
    await expectReported(server.url, posts);
  });
});
