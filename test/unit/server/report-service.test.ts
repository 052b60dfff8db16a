import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadCatalog } from '../../../server/catalog/catalog.ts';
import { ReportJobs } from '../../../server/reports/report-jobs.ts';
import { startReportProcess, type ReportOutcome } from '../../../server/reports/report-process.ts';
import { ReportService } from '../../../server/reports/report-service.ts';
import type { ReportTask } from '../../../server/reports/report-task.ts';
import { SegmentEventStore } from '../../../server/store/segments/segment-event-store.ts';
import { DEFAULT_OUTPUT } from '../../../shared/report.ts';
import { FILTER } from '../../support/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const RETRY_MS = 20;
const DONE: ReportOutcome = { kind: 'done', rows: 0, bytes: 0, sha256: '', damage: [] };
const REQUEST = { filter: FILTER, output: DEFAULT_OUTPUT };

interface Started {
  readonly task: ReportTask;
  readonly end: (outcome: ReportOutcome) => void;
}

async function openService(
  folder: string,
  retryMs = RETRY_MS,
): Promise<{ service: ReportService; started: Started[] }> {
  const store = await SegmentEventStore.open(path.join(folder, randomUUID()), 0);
  onTestFinished(() => store.close());
  const reports = path.join(folder, 'reports');
  await mkdir(reports, { recursive: true });
  const started: Started[] = [];
  const service = await ReportService.open({
    store,
    jobs: await ReportJobs.open(path.join(folder, 'jobs.json')),
    catalog: await loadCatalog(undefined),
    folder: reports,
    workers: 2,
    start: (task) => {
      let end = (_outcome: ReportOutcome): void => undefined;
      const outcome = new Promise<ReportOutcome>((resolve) => {
        end = resolve;
      });
      started.push({ task, end });
      return { outcome, kill: () => end({ kind: 'failed', reason: 'killed' }) };
    },
    now: Date.now,
    logger: pino({ level: 'silent' }),
    retryMs,
  });
  onTestFinished(() => service.close());
  return { service, started };
}

/** Makes a jobs' file that can't be written; returns what mends that. */
async function blockJobs(folder: string): Promise<() => Promise<void>> {
  // The new contents would be written here.
  const obstacle = path.join(folder, 'jobs.json.tmp');
  await mkdir(obstacle);
  return () => rmdir(obstacle);
}

describe('ReportService', () => {
  it('makes as many reports at once as it has workers, the others in turn', async () => {
    const { service, started } = await openService(await tempFolder());
    const jobs = await Promise.all(Array.from({ length: 4 }, () => service.submit('ann', REQUEST)));
    expect(started).toHaveLength(2);

    started[0]?.end(DONE);
    await expect.poll(() => started.length).toBe(3);

    await expect.poll(() => service.find(jobs[0]?.source ?? '')?.status).toBe('COMPLETE');
    expect(service.find(jobs[3]?.source ?? '')?.status).toBe('RUNNING');
  });

  it('leaves no file of a report that failed, and says why', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const { source } = await service.submit('ann', REQUEST);
    const file = started[0]?.task.path ?? '';
    await writeFile(`${file}.tmp`, 'half');
    // Its process was killed between its last step and its answer.
    await writeFile(file, 'whole');

    started[0]?.end({ kind: 'failed', reason: 'the moon' });

    await expect.poll(() => service.find(source)?.status).toBe('FAILED');
    expect(await readdir(path.join(folder, 'reports'))).toEqual([]);
    expect(service.find(source)?.error).toBe('the moon');
  });

  it('makes a report although the file of a forgotten one can not be removed', async () => {
    const folder = await tempFolder();
    const old = Array.from({ length: 1_001 }, () => ({
      job: randomUUID(),
      status: 'COMPLETE',
      filter: FILTER,
      output: DEFAULT_OUTPUT,
      userId: 'ann',
      position: 0,
      startMs: 1,
    }));
    await writeFile(path.join(folder, 'jobs.json'), JSON.stringify(old));
    await mkdir(path.join(folder, 'reports', `JOB-${old[0]?.job ?? ''}.csv`), { recursive: true });
    await writeFile(path.join(folder, 'reports', `JOB-${old[1]?.job ?? ''}.csv`), 'old');
    const { service, started } = await openService(folder);

    const { source } = await service.submit('ann', REQUEST);

    expect(started).toHaveLength(1);
    expect(service.find(source)?.status).toBe('RUNNING');
    expect(service.find(`JOB-${old[0]?.job ?? ''}`)).toBeUndefined();
    expect(service.find(`JOB-${old[1]?.job ?? ''}`)?.status).toBe('COMPLETE');
  });

  it('refuses more than may wait, also when all ask at once', async () => {
    const { service } = await openService(await tempFolder());
    const results = await Promise.allSettled(
      Array.from({ length: 120 }, () => service.submit('ann', REQUEST)),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(15);
    expect(refused[0]).toMatchObject({ reason: { code: 'REPORT_QUEUE_FULL' } });
  });

  it('ends what was running before, and leaves alone what is not its own', async () => {
    const folder = await tempFolder();
    const before = await openService(folder);
    const { source } = await before.service.submit('ann', REQUEST);
    const own = `${source}.csv.tmp`;
    await writeFile(path.join(folder, 'reports', own), 'half');
    await mkdir(path.join(folder, 'reports', 'lost+found'));

    const { service } = await openService(folder);

    expect(service.find(source)).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('stopped'),
    });
    expect(await readdir(path.join(folder, 'reports'))).toEqual(['lost+found']);
  });
});

describe('the end of a report', () => {
  it('is told when it is durable, not before', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const { source } = await service.submit('ann', REQUEST);
    await writeFile(started[0]?.task.path ?? '', 'whole');
    const mend = await blockJobs(folder);

    started[0]?.end(DONE);
    await new Promise((resolve) => setTimeout(resolve, 3 * RETRY_MS));

    expect(service.find(source)?.status).toBe('RUNNING');
    expect(await service.openFile(source, `${source}.csv`)).toBeUndefined();
    await mend();
    await expect.poll(() => service.find(source)?.status).toBe('COMPLETE');
    expect(await readFile(path.join(folder, 'jobs.json'), 'utf8')).toContain('"COMPLETE"');
  });

  it('that the disk refuses to record for long is a failure, of which nothing is left', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const { source } = await service.submit('ann', REQUEST);
    await writeFile(started[0]?.task.path ?? '', 'whole');
    const mend = await blockJobs(folder);

    started[0]?.end(DONE);

    await expect.poll(() => service.find(source)?.status).toBe('FAILED');
    expect(service.find(source)?.error).toContain('the disk refused to record that it was made');
    expect(await readdir(path.join(folder, 'reports'))).toEqual([]);
    // A server that is killed now finds it RUNNING, and comes to the same.
    const killed = await openService(folder);
    expect(killed.service.find(source)?.status).toBe('FAILED');
    await mend();
    const jobs = (): Promise<string> => readFile(path.join(folder, 'jobs.json'), 'utf8');
    await expect.poll(jobs).toContain('"FAILED"');
  });

  it('is FAILED where events were erased before it could be told', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const { source } = await service.submit('ann', REQUEST);
    await writeFile(started[0]?.task.path ?? '', 'whole');
    const mend = await blockJobs(folder);
    started[0]?.end(DONE);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));

    await service.forget(FILTER.customer, Date.now());

    expect(await readdir(path.join(folder, 'reports'))).toEqual([]);
    await mend();
    await expect.poll(() => service.find(source)?.status).toBe('FAILED');
    expect(service.find(source)?.error).toContain('were erased');
  });

  it('is FAILED where events were erased while it was being recorded', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const { source } = await service.submit('ann', REQUEST);
    await writeFile(started[0]?.task.path ?? '', 'whole');
    started[0]?.end(DONE);
    // The record is a file, which takes more turns than this one.
    await new Promise(setImmediate);
    expect(service.find(source)?.status).toBe('RUNNING');

    await service.forget(FILTER.customer, Date.now());

    await expect.poll(() => service.find(source)?.status).toBe('FAILED');
    expect(service.find(source)?.error).toContain('were erased');
    await expect
      .poll(() => readFile(path.join(folder, 'jobs.json'), 'utf8'))
      .toMatch(/"FAILED"(.|\n)*were erased/);
  });

  it('that a stop left open is recorded when the service is closed, if the disk takes it by then', async () => {
    const folder = await tempFolder();
    const before = await openService(folder);
    await before.service.submit('ann', REQUEST);
    await before.service.close();
    const mend = await blockJobs(folder);
    // Longer than this test takes.
    const { service } = await openService(folder, 60_000);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    await mend();

    await service.close();

    expect(await readFile(path.join(folder, 'jobs.json'), 'utf8')).toContain('"FAILED"');
  });

  it('is FAILED where its file has gone since', async () => {
    const folder = await tempFolder();
    const before = await openService(folder);
    const { source } = await before.service.submit('ann', REQUEST);
    const file = before.started[0]?.task.path ?? '';
    await writeFile(file, 'whole');
    before.started[0]?.end(DONE);
    await expect.poll(() => before.service.find(source)?.status).toBe('COMPLETE');
    await rm(file);

    const { service } = await openService(folder);

    expect(service.find(source)).toMatchObject({ status: 'FAILED', error: expect.stringContaining('gone') });
  });
});

describe('startReportProcess', () => {
  it('says that the process ended, whatever ended it', async () => {
    const files = { segments: [], sealed: [], expiredBefore: 0, erasures: [] };
    const snapshot = { engine: 'file', position: 0, ...files } as const;
    const columns = { columns: [], keys: {} };
    const task = { snapshot, filter: FILTER, output: DEFAULT_OUTPUT, columns, path: '/nowhere/report.csv' };
    const module = path.join(await tempFolder(), 'child.mjs');
    await writeFile(module, 'process.once("message", () => process.exit(3));');

    expect(await startReportProcess(module, task, 10_000).outcome).toEqual({
      kind: 'failed',
      reason: "the report's process ended with code 3: ask for it again",
    });
    await writeFile(module, 'process.once("message", () => setInterval(() => undefined, 1_000));');
    expect(await startReportProcess(module, task, 300).outcome).toEqual({ kind: 'timeout' });
    const killed = startReportProcess(module, task, 10_000);
    killed.kill();
    expect(await killed.outcome).toMatchObject({ kind: 'failed' });
  });
});
