import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { aPost, post, type PostAnswer, type Posted, refusal } from '../support/batch-poster.ts';
import { FILTER } from '../support/events.ts';
import { MAY_MOUNT, UNLESS_MOUNTED } from '../support/fault-tools.ts';
import { mountMemory } from '../support/mounts.ts';
import { basic, makeReport, postJson, reportedNames } from '../support/report-client.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';

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

async function healthOf({ url }: ServerProcess): Promise<unknown> {
  return (await fetch(`${url}/service/health`)).json();
}

/** Posts batches, some at once, ever smaller ones, until there is no room at all. */
async function fill({ url }: ServerProcess): Promise<readonly PostAnswer[]> {
  const answers: PostAnswer[] = [];
  for (const [atOnce, bytes] of FILLING) {
    let some: readonly PostAnswer[] = [];
    while (!some.some(isRefused)) {
      some = await Promise.all(Array.from({ length: atOnce }, () => post(url, aPost(bytes))));
      answers.push(...some);
      if (answers.length > MOST_BATCHES) throw new Error('a full disk refuses nothing');
    }
  }
  return answers;
}

/** Each is acknowledged, whatever became of it before. */
async function postAgain({ url }: ServerProcess, batches: readonly Posted[]): Promise<void> {
  for (const posted of batches) {
    const answer = await post(url, posted);
    expect(answer).toMatchObject({ status: 200, body: { batch: posted.body.batch, stored: 2 } });
  }
}

function isRefused({ status }: PostAnswer): boolean {
  return status !== 200;
}

function expectRefused(answers: readonly PostAnswer[]): void {
  for (const { posted, status, retryAfter, body } of answers) {
    expect(status).toBe(507);
    expect(retryAfter).toBe(5);
    expect(body).toEqual(refusal(posted, 'STORE_FULL'));
  }
}

/** A report has the events of these batches once, and none besides. */
async function expectReported({ url }: ServerProcess, batches: readonly Posted[]): Promise<void> {
  const reported = await reportedNames(url);
  expect(reported.toSorted()).toEqual(batches.flatMap(({ names }) => names).toSorted());
}

describe.skipIf(!MAY_MOUNT)(`a full disk below the built server${UNLESS_MOUNTED}`, () => {
  it('takes nothing that is acknowledged, stops no start, and is over once there is space', async () => {
    const dataFolder = await mountMemory('size=4m');
    const ballast = path.join(dataFolder, 'ballast');
    await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
    const first = await startServerProcess({ dataFolder });
    const answers = await fill(first);
    const refused = answers.filter(isRefused).map(({ posted }) => posted);

    expectRefused(answers.filter(isRefused));
    expect(await healthOf(first)).toMatchObject({ status: 'read-only', store: { writable: false } });
    await first.stop('SIGKILL');
    const second = await startServerProcess({ dataFolder });
    expect(await healthOf(second)).toMatchObject({ store: { damage: 0 } });
    expectRefused(await Promise.all(refused.map((posted) => post(second.url, posted))));
    expect(await second.stop('SIGTERM')).toBe(0);
    const third = await startServerProcess({ dataFolder });
    expectRefused(await Promise.all(refused.map((posted) => post(third.url, posted))));

    await rm(ballast);
    await postAgain(third, refused);
    const all = answers.map(({ posted }) => posted);
    await postAgain(third, all);

    expect(await healthOf(third)).toMatchObject({ status: 'ready', store: { writable: true } });
    await expectReported(third, all);
    await third.stop('SIGKILL');
    await expectReported(await startServerProcess({ dataFolder }), all);
  });

  it('fails a report, saying why, and leaves nothing of it behind', async () => {
    const dataFolder = await mountMemory('size=4m');
    const ballast = path.join(dataFolder, 'ballast');
    const reserve = path.join(dataFolder, 'reserve');
    await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
    const server = await startServerProcess({ dataFolder });
    await writeFile(reserve, Buffer.alloc(RESERVE_BYTES));
    const answers = await fill(server);
    const refused = await postJson(`${server.url}/reports`, { filter: FILTER }, basic());

    expect(refused.status).toBe(507);
    expect(refused.headers.get('retry-after')).toBe('60');
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
    await postAgain(server, all);
    await expectReported(server, all);
  });

  it('that has no room for another file keeps nothing from being stored in those that are there', async () => {
    const dataFolder = await mountMemory('size=4m,nr_inodes=40');
    const server = await startServerProcess({ dataFolder });
    const [early, late] = [aPost(), aPost()];
    const files = await useUpFiles(dataFolder);

    expectRefused([await post(server.url, early)]);
    await rm(files.pop() ?? '');
    await postAgain(server, [early]);
    await useUpFiles(dataFolder);
    await postAgain(server, [late]);
    expect((await postJson(`${server.url}/reports`, { filter: FILTER }, basic())).status).toBe(507);
    await server.stop('SIGKILL');
    const restarted = await startServerProcess({ dataFolder });
    await postAgain(restarted, [early, late]);

    for (const file of files) await rm(file, { force: true });
    await expectReported(restarted, [early, late]);
  });
});

/** Makes empty files until there can be no more. */
async function useUpFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (let number = 0; ; number++) {
    const file = path.join(folder, `file-${number}`);
    try {
      await writeFile(file, '', { flag: 'wx' });
      files.push(file);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return files;
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}
