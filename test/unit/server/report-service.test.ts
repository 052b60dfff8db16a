import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startReportProcess } from '../../../server/reports/report-process.ts';
import { DEFAULT_OUTPUT } from '../../../shared/report.ts';
import { FILTER } from '../../support/events.ts';
import {
  aJob,
  blockJobs,
  DONE,
  finish,
  jobsFile,
  openService,
  requestOf,
  RETRY_MS,
} from '../../support/report-service.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const REQUEST = requestOf(0);

describe('ReportService', () => {
  it('makes as many reports at once as it has workers, the others in turn', async () => {
    const { service, started } = await openService(await tempFolder());
    const jobs = await Promise.all([1, 2, 3, 4].map((number) => service.submit('ann', requestOf(number))));
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
    const old = Array.from({ length: 1_001 }, () => aJob({ status: 'COMPLETE', startMs: 1, endMs: 2 }));
    await writeFile(jobsFile(folder), JSON.stringify(old));
    await mkdir(path.join(folder, 'reports', `JOB-${old[0]?.job ?? ''}.csv`), { recursive: true });
    await writeFile(path.join(folder, 'reports', `JOB-${old[1]?.job ?? ''}.csv`), 'old');
    const { service, started } = await openService(folder);

    const { source } = await service.submit('ann', REQUEST);

    expect(started).toHaveLength(1);
    expect(service.find(source)?.status).toBe('RUNNING');
    expect(service.find(`JOB-${old[0]?.job ?? ''}`)).toBeUndefined();
    expect(service.find(`JOB-${old[1]?.job ?? ''}`)?.status).toBe('COMPLETE');
  });

  it('refuses more than may wait, also when all ask at once, and of one user half of that', async () => {
    const { service } = await openService(await tempFolder());
    const askFor = async (user: string, count: number): Promise<number> => {
      const results = await Promise.allSettled(
        Array.from({ length: count }, (_, index) => service.submit(user, requestOf(index % 3))),
      );
      const refused = results.filter((result) => result.status === 'rejected');
      for (const { reason } of refused)
        expect(reason).toMatchObject({ code: 'REPORT_QUEUE_FULL', retryAfterSeconds: 60 });
      return count - refused.length;
    };

    expect(await askFor('ann', 60)).toBe(50);
    expect(await askFor('bob', 60)).toBe(50);
    // Two of those are being made.
    expect(await askFor('cid', 10)).toBe(2);
  });
});

describe('the end of a report', () => {
  it('is told when it is durable, not before', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const { source } = await service.submit('ann', REQUEST);
    const mend = await blockJobs(folder);

    started[0]?.end(DONE);
    await new Promise((resolve) => setTimeout(resolve, 3 * RETRY_MS));

    expect(service.find(source)?.status).toBe('RUNNING');
    expect(await service.openFile(source, `${source}.csv`)).toBeUndefined();
    await mend();
    await expect.poll(() => service.find(source)?.status).toBe('COMPLETE');
    expect(await readFile(path.join(folder, 'jobs.json'), 'utf8')).toContain('"COMPLETE"');
  });

  it('is FAILED where events were erased before it could be told', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const { source } = await service.submit('ann', REQUEST);
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

  it('is FAILED where its file has gone since', async () => {
    const folder = await tempFolder();
    const before = await openService(folder);
    const { source } = await before.service.submit('ann', REQUEST);
    await finish(before.started[0]);
    await expect.poll(() => before.service.find(source)?.status).toBe('COMPLETE');
    await rm(before.started[0]?.task.path ?? '');

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
