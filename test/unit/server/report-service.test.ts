import { randomUUID } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
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

const REQUEST = { filter: FILTER, output: DEFAULT_OUTPUT };

interface Started {
  readonly task: ReportTask;
  readonly end: (outcome: ReportOutcome) => void;
}

async function openService(folder: string): Promise<{ service: ReportService; started: Started[] }> {
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
  });
  return { service, started };
}

describe('ReportService', () => {
  it('makes as many reports at once as it has workers, the others in turn', async () => {
    const { service, started } = await openService(await tempFolder());
    const jobs = await Promise.all(Array.from({ length: 4 }, () => service.submit('ann', REQUEST)));
    expect(started).toHaveLength(2);

    started[0]?.end({ kind: 'done', rows: 0, bytes: 0, damage: [] });
    await expect.poll(() => started.length).toBe(3);

    expect(service.find(jobs[0]?.source ?? '')?.status).toBe('COMPLETE');
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
