import { link, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ReportJobs } from '../../../server/reports/report-jobs.ts';
import type { ReportService } from '../../../server/reports/report-service.ts';
import { DEFAULT_OUTPUT } from '../../../shared/report.ts';
import { FILTER } from '../../support/events.ts';
import {
  addBatch,
  blockJobs,
  DONE,
  finish,
  jobsFile,
  openService,
  requestOf,
  RETRY_MS,
} from '../../support/report-service.ts';
import { tempFolder } from '../../support/temp-folder.ts';

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const original = await importOriginal();
  return { ...original, link: vi.fn<typeof original.link>(original.link) };
});

const SAME = requestOf(0);
const OTHER = requestOf(1);

function statusesOf(service: ReportService, ...jobs: readonly { source: string }[]): readonly unknown[] {
  return jobs.map(({ source }) => service.find(source)?.status);
}

/** What the jobs' file has of a job. */
async function positionOf(folder: string, source: string): Promise<number | undefined> {
  return (await ReportJobs.open(jobsFile(folder))).find(source)?.position;
}

function files(folder: string): Promise<readonly string[]> {
  return readdir(path.join(folder, 'reports')).then((names) => names.toSorted());
}

describe('identical jobs that wait', () => {
  it('are made at once, at the position of the newest, each with a file of its own', async () => {
    const folder = await tempFolder();
    const { service, store, started } = await openService(folder, { workers: 1 });
    await service.submit('ann', OTHER);
    const first = await service.submit('ann', SAME);
    await addBatch(store);
    const second = await service.submit('bob', SAME);
    expect([await positionOf(folder, first.source), await positionOf(folder, second.source)]).toEqual([1, 1]);

    await finish(started[0]);
    await expect.poll(() => started.length).toBe(2);
    expect(started[1]?.task.snapshot.position).toBe(1);
    await finish(started[1], 'shared');

    await expect.poll(() => statusesOf(service, first, second)).toEqual(['COMPLETE', 'COMPLETE']);
    expect(started).toHaveLength(2);
    const paths = [first, second].map(({ source }) => path.join(folder, 'reports', `${source}.csv`));
    for (const file of paths) expect(await readFile(file, 'utf8')).toBe('shared');
    expect((await stat(paths[0] ?? '')).nlink).toBe(2);
    expect(service.find(first.source)).toMatchObject({ rows: 3, bytes: 5, sha256: 'ab' });
    expect(await readFile(jobsFile(folder), 'utf8')).toMatch(/"sha256": "ab"(.|\n)*"sha256": "ab"/);

    const job = service.find(first.source);
    if (job !== undefined) await service.remove(job);
    expect(await readFile(paths[1] ?? '', 'utf8')).toBe('shared');
    expect(service.find(second.source)?.status).toBe('COMPLETE');
  });

  it('that ask all at once have one position, in the file and in the process', async () => {
    const folder = await tempFolder();
    const { service, store, started } = await openService(folder, { workers: 1 });
    await service.submit('ann', OTHER);
    const submissions = [];
    for (let count = 0; count < 5; count++) {
      submissions.push(service.submit('ann', SAME));
      await addBatch(store);
    }
    const jobs = await Promise.all(submissions);

    await finish(started[0]);

    await expect.poll(() => started.length).toBe(2);
    const position = started[1]?.task.snapshot.position;
    for (const { source } of jobs) expect(await positionOf(folder, source)).toBe(position);
    await finish(started[1]);
    await expect.poll(() => new Set(statusesOf(service, ...jobs))).toEqual(new Set(['COMPLETE']));
    expect(started).toHaveLength(2);
  });

  it('do not begin while a newer position is being written for them', async () => {
    const folder = await tempFolder();
    const { service, store, started } = await openService(folder, { workers: 1 });
    await service.submit('ann', OTHER);
    const first = await service.submit('ann', SAME);
    await addBatch(store);
    await writeFile(started[0]?.task.path ?? '', 'whole');
    const second = service.submit('bob', SAME);
    // No file is written between the two.
    started[0]?.end(DONE);

    await second;

    await expect.poll(() => started.length).toBe(2);
    expect(started[1]?.task.snapshot.position).toBe(1);
    expect(await positionOf(folder, first.source)).toBe(1);
  });

  it('go on as they were where a newer one can not be written', async () => {
    const folder = await tempFolder();
    const { service, store, started } = await openService(folder, { workers: 1 });
    const other = await service.submit('ann', OTHER);
    const first = await service.submit('ann', SAME);
    await addBatch(store);
    const mend = await blockJobs(folder);
    await writeFile(started[0]?.task.path ?? '', 'whole');
    const refused = service.submit('bob', SAME);
    // The first one waits for what becomes of that.
    started[0]?.end(DONE);
    await expect(refused).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });

    await expect.poll(() => started.length).toBe(2);
    expect(started[1]?.task.snapshot.position).toBe(0);
    await mend();
    await finish(started[1]);
    await expect.poll(() => statusesOf(service, other, first)).toEqual(['COMPLETE', 'COMPLETE']);
  });
});

describe('a job that is the same as one that is being made', () => {
  it('shares its process at the same position, and has one of its own at another', async () => {
    const folder = await tempFolder();
    const { service, store, started } = await openService(folder);
    const first = await service.submit('ann', SAME);
    const second = await service.submit('bob', SAME);
    const differing = await service.submit('bob', {
      filter: FILTER,
      output: { ...DEFAULT_OUTPUT, delimiter: ';' },
    });
    await addBatch(store);
    const third = await service.submit('bob', SAME);
    expect(started).toHaveLength(2);

    await finish(started[0]);

    await expect.poll(() => statusesOf(service, first, second)).toEqual(['COMPLETE', 'COMPLETE']);
    expect(statusesOf(service, differing, third)).toEqual(['RUNNING', 'RUNNING']);
    await expect.poll(() => started.length).toBe(3);
    expect(started[2]?.task.snapshot.position).toBe(1);
  });

  it('keeps it running when the other is deleted, and the file is its own', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const first = await service.submit('ann', SAME);
    const second = await service.submit('bob', SAME);

    const half = `${started[0]?.task.path ?? ''}.tmp`;
    await writeFile(half, 'half');

    const job = service.find(first.source);
    if (job !== undefined) await service.remove(job);

    expect(service.find(first.source)).toBeUndefined();
    expect(started[0]?.isKilled).toBe(false);
    expect(await readFile(half, 'utf8')).toBe('half');
    await finish(started[0]);
    await expect.poll(() => statusesOf(service, second)).toEqual(['COMPLETE']);
    expect(await files(folder)).toEqual([`${second.source}.csv`]);
  });

  it('ends with it where nobody wants it any more', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder, { workers: 1 });
    const jobs = [await service.submit('ann', SAME), await service.submit('bob', SAME)];
    const next = await service.submit('bob', OTHER);
    for (const { source } of jobs) {
      const job = service.find(source);
      if (job !== undefined) await service.remove(job);
    }

    expect(started[0]?.isKilled).toBe(true);
    await expect.poll(() => started.length).toBe(2);
    expect(started[1]?.task.path).toContain(next.source);
    expect(await files(folder)).toEqual([]);
    expect(await readFile(jobsFile(folder), 'utf8')).not.toContain(jobs[0]?.job);
  });

  it('gets a copy where the file system has no links', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const jobs = [await service.submit('ann', SAME), await service.submit('bob', SAME)];
    vi.mocked(link).mockRejectedValueOnce(Object.assign(new Error('no'), { code: 'EPERM' }));

    await finish(started[0], 'copied');

    await expect.poll(() => statusesOf(service, ...jobs)).toEqual(['COMPLETE', 'COMPLETE']);
    const file = path.join(folder, 'reports', `${jobs[1]?.source ?? ''}.csv`);
    expect(await readFile(file, 'utf8')).toBe('copied');
    expect((await stat(file)).nlink).toBe(1);
    expect(await files(folder)).toHaveLength(2);
  });

  it('is FAILED alone where the disk is full for its file', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const jobs = [await service.submit('ann', SAME), await service.submit('bob', SAME)];
    vi.mocked(link).mockRejectedValueOnce(Object.assign(new Error('no'), { code: 'ENOSPC' }));

    await finish(started[0]);

    await expect.poll(() => statusesOf(service, ...jobs)).toEqual(['COMPLETE', 'FAILED']);
    expect(service.find(jobs[1]?.source ?? '')?.error).toBe(
      'the disk is full: free some space and ask again',
    );
    expect(await files(folder)).toEqual([`${jobs[0]?.source ?? ''}.csv`]);
  });

  it('is FAILED, and no file is left, where it gets none of a job that was deleted meanwhile', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const first = await service.submit('ann', SAME);
    const second = await service.submit('bob', SAME);
    const job = service.find(first.source);
    if (job !== undefined) await service.remove(job);
    vi.mocked(link).mockRejectedValueOnce(Object.assign(new Error('no'), { code: 'EIO' }));

    await finish(started[0]);

    await expect.poll(() => statusesOf(service, second)).toEqual(['FAILED']);
    expect(await files(folder)).toEqual([]);
    expect(await readFile(jobsFile(folder), 'utf8')).toContain('could not be written (EIO)');
  });

  it('is FAILED with it where events are erased, whatever asks for them afterwards', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder, { isSlowToDie: true });
    const jobs = [await service.submit('ann', SAME), await service.submit('bob', SAME)];
    const forgotten = service.forget(FILTER.customer, Date.now());
    const later = await service.submit('cid', SAME);
    await finish(started[0], 'erased');

    await forgotten;

    await expect.poll(() => statusesOf(service, ...jobs, later)).toEqual(['FAILED', 'FAILED', 'RUNNING']);
    await expect.poll(() => started.length).toBe(2);
    await finish(started[1]);
    await expect.poll(() => statusesOf(service, later)).toEqual(['COMPLETE']);
  });
});

describe('the end of a shared report', () => {
  it('is told of all its jobs when it is durable, and of none that was deleted meanwhile', async () => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder);
    const jobs = [await service.submit('ann', SAME), await service.submit('bob', SAME)];
    const mend = await blockJobs(folder);
    await finish(started[0]);
    await new Promise((resolve) => setTimeout(resolve, 3 * RETRY_MS));
    expect(statusesOf(service, ...jobs)).toEqual(['RUNNING', 'RUNNING']);
    const job = service.find(jobs[0]?.source ?? '');
    if (job !== undefined)
      await expect(service.remove(job)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await mend();

    await expect.poll(() => statusesOf(service, ...jobs)).toEqual(['COMPLETE', 'COMPLETE']);
    expect(await files(folder)).toHaveLength(2);
    if (job !== undefined) await service.remove(job);

    expect(statusesOf(service, ...jobs)).toEqual([undefined, 'COMPLETE']);
    expect(await files(folder)).toEqual([`${jobs[1]?.source ?? ''}.csv`]);
  });
});
