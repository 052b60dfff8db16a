import { randomInt, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isRecord } from '../../shared/text.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { anEvent, FILTER } from '../support/events.ts';
import { parseCsv } from '../support/parse-csv.ts';
import { downloadReport, postJson } from '../support/report-client.ts';
import { startServerProcess } from '../support/server-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const WRITERS = 8;
const ROUNDS = 10;
const CUT_SHARE = 1 / 3;

describe('a server that is killed again and again', () => {
  it('has every acknowledged event in its report once, and nothing else', async () => {
    const dataFolder = await tempFolder();
    const proxy = await startCuttingProxy(CUT_SHARE);
    const acknowledged: string[] = [];
    let isOver = false;

    /** Sends one batch until it is acknowledged, as often as it takes. */
    async function deliver(ids: readonly string[]): Promise<void> {
      const batch = randomUUID();
      const body = {
        batch,
        events: ids.map((id) => anEvent({ context: ['user', id] })),
        prefer: 'return=minimal',
      };
      for (;;) {
        const receipt: unknown = await postJson(`${proxy.url}/events`, body).then(
          (response) => response.json(),
          () => undefined,
        );
        if (isRecord(receipt) && receipt['batch'] === batch && receipt['stored'] === ids.length) break;
        await new Promise((resolve) => setTimeout(resolve, randomInt(1, 20)));
      }
      acknowledged.push(...ids);
    }

    async function write(writer: number): Promise<void> {
      for (let number = 0; !isOver; number++) {
        await deliver(Array.from({ length: randomInt(1, 30) }, (_, index) => `${writer}-${number}-${index}`));
      }
    }

    let server = await startServerProcess({ dataFolder });
    proxy.setPort(server.port);
    const writers = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    let killedInFlight = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const before = acknowledged.length;
      while (acknowledged.length < before + 50) await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setTimeout(resolve, randomInt(0, 100)));
      if (proxy.pending() > 0) killedInFlight++;
      expect(await server.stop('SIGKILL')).toBeNull();
      server = await startServerProcess({ dataFolder });
      proxy.setPort(server.port);
    }
    isOver = true;
    await writers;

    const output = { header: false, guard: false };
    const rows = parseCsv(await downloadReport(server.url, { filter: FILTER, output }));
    const reported = rows.map((row) => row[3] ?? '');
    expect(killedInFlight).toBeGreaterThanOrEqual(ROUNDS / 2);
    expect(proxy.cutShare()).toBeGreaterThan(CUT_SHARE * 0.7);
    expect(server.log()).not.toContain('damaged');
    expect(reported.toSorted()).toEqual(acknowledged.toSorted());
    expect(new Set(reported).size).toBe(reported.length);
  });
});
