import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/add-user.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { reportedNames } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { startWriters } from '../support/stubborn-writers.ts';
import { tempFolder } from '../support/temp-folder.ts';

const WRITERS = 8;
const ROUNDS = 10;
const CUT_SHARE = 1 / 3;

describe('a server that is killed again and again', () => {
  it.each([
    ['', {}],
    [', while it seals and merges', { WAYBILL_SEGMENT_BYTES: '8000' }],
  ])('has every acknowledged event in its report once, and nothing else%s', async (_title, env) => {
    const dataFolder = await tempFolder();
    const proxy = await startCuttingProxy(CUT_SHARE);
    let server = await startServerProcess({ dataFolder, env });
    proxy.setPort(server.port);
    const writers = startWriters(proxy.url, WRITERS);
    let killedInFlight = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await writers.round();
      await new Promise((resolve) => setTimeout(resolve, randomInt(0, 100)));
      if (proxy.pending() > 0) killedInFlight++;
      expect(await server.stop('SIGKILL')).toBeNull();
      server = await startServerProcess({ dataFolder, env });
      proxy.setPort(server.port);
    }
    await writers.stop();
    if ('WAYBILL_SEGMENT_BYTES' in env) {
      // What is left to do meanwhile is done by processes that are killed, too.
      for (let round = 0; round < ROUNDS; round++) {
        await new Promise((resolve) => setTimeout(resolve, randomInt(100, 600)));
        await server.stop('SIGKILL');
        server = await startServerProcess({ dataFolder, env });
      }
      await expect.poll(() => manifestOf(dataFolder), { timeout: 60_000 }).toContain('"op":"merge"');
    }

    const reported = await reportedNames(server.url);
    expect(killedInFlight).toBeGreaterThanOrEqual(ROUNDS / 2);
    expect(proxy.cutShare()).toBeGreaterThan(CUT_SHARE * 0.7);
    expect(server.log()).not.toContain('damaged');
    expect(reported.toSorted()).toEqual(writers.acknowledged.toSorted());
    expect(new Set(reported).size).toBe(reported.length);
    expect(await runCli(['verify'], dataFolder)).toMatch(/no damage\n$/);
  });
});

function manifestOf(dataFolder: string): Promise<string> {
  return readFile(path.join(dataFolder, 'manifest.jsonl'), 'utf8');
}
