import { randomInt } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { aPost, post, refusal, type PostAnswer, type Posted } from '../support/batch-poster.ts';
import { startFailingServer, type FailingCall } from '../support/failing-calls.ts';
import { MAY_INJECT, UNLESS_INJECTED } from '../support/fault-tools.ts';
import { reportedNames } from '../support/report-client.ts';
import { manifestPath, segmentPath } from '../support/segment-files.ts';
import { startServerProcess, type ServerProcess } from '../support/server-process.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { startWriters } from '../support/stubborn-writers.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { EIO, EDQUOT } = constants.errno;

async function healthOf({ url }: ServerProcess): Promise<unknown> {
  return (await fetch(`${url}/service/health`)).json();
}

function postAll({ url }: ServerProcess, batches: readonly Posted[]): Promise<readonly PostAnswer[]> {
  return Promise.all(batches.map((posted) => post(url, posted)));
}

function some(count: number): readonly Posted[] {
  return Array.from({ length: count }, () => aPost());
}

function expectStored(answers: readonly PostAnswer[]): void {
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 200, body: { batch: answer.posted.body.batch, stored: 2 } });
  }
}

function expectRefused(answers: readonly PostAnswer[], status: number, code: string): void {
  for (const answer of answers) {
    expect(answer).toMatchObject({ status, retryAfter: 5, body: refusal(answer.posted, code) });
  }
}

/** A report has the events of these batches once, and none besides. */
async function expectReported({ url }: ServerProcess, batches: readonly Posted[]): Promise<void> {
  const reported = await reportedNames(url);
  expect(reported.toSorted()).toEqual(batches.flatMap(({ names }) => names).toSorted());
}

async function manifestOf({ dataFolder }: ServerProcess): Promise<readonly unknown[]> {
  const text = await readFile(manifestPath(dataFolder), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

describe.skipIf(!MAY_INJECT)(`a failing disk below the built server${UNLESS_INJECTED}`, () => {
  it.each<FailingCall>(['sync/fdatasync', 'rw/pwrite'])(
    'that fails in %s takes nothing that is acknowledged, and is over once it works',
    async (call) => {
      const server = await startFailingServer(await tempFolder());
      const [early, late] = [some(3), some(8)];
      expectStored(await postAll(server, early));
      const { size } = await stat(segmentPath(server.dataFolder));

      await server.fail(call, EIO);
      for (let round = 0; round < 5; round++) {
        expectRefused(await postAll(server, late), 503, 'STORE_UNAVAILABLE');
        expect(await healthOf(server)).toMatchObject({ status: 'read-only', store: { writable: false } });
        await expectStored(await postAll(server, early));
      }
      await server.mend(call);
      expectStored(await postAll(server, late));
      expectStored(await postAll(server, late));

      expect(await healthOf(server)).toMatchObject({ status: 'ready', store: { writable: true } });
      expect(await manifestOf(server)).toContainEqual(
        expect.objectContaining({ op: 'open', segment: 2, closes: { segment: 1, length: size } }),
      );
      expect(await readdir(path.join(server.dataFolder, 'segments'))).toHaveLength(2);
      await expectReported(server, [...early, ...late]);
      await server.stop('SIGKILL');
      await expectReported(await startServerProcess({ dataFolder: server.dataFolder }), [...early, ...late]);
    },
  );
});
