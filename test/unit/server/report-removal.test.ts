import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ReportJob } from '../../../server/reports/report-jobs.ts';
import type { ReportService } from '../../../server/reports/report-service.ts';
import { blockJobs, finish, jobsFile, openService, requestOf } from '../../support/report-service.ts';
import { tempFolder } from '../../support/temp-folder.ts';

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const original = await importOriginal();
  return { ...original, rm: vi.fn<typeof original.rm>(original.rm) };
});

/** Has the file system refuse to remove reports from now on; returns what mends that. */
async function refuseRemovals(code: string): Promise<() => void> {
  const original = await vi.importActual<typeof import('node:fs/promises')>('node:fs/promises');
  vi.mocked(rm).mockImplementation(async (file, options) => {
    if (String(file).includes('JOB-')) throw Object.assign(new Error(`${code}: no`), { code });
    await original.rm(file, options);
  });
  const mend = (): void => void vi.mocked(rm).mockImplementation(original.rm);
  onTestFinished(mend);
  return mend;
}

function found(service: ReportService, source: string): ReportJob {
  const job = service.find(source);
  if (job === undefined) throw new Error('there is no such job');
  return job;
}

function files(folder: string): Promise<readonly string[]> {
  return readdir(path.join(folder, 'reports'));
}

describe.each(['EACCES', 'EIO'])('a report that is deleted, whose file can not be removed (%s)', (code) => {
  it('is forgotten when it is COMPLETE, which is said to have failed; its file goes with the next start', async () => {
    const folder = await tempFolder();
    const { service, store, started } = await openService(folder);
    const { source } = await service.submit('ann', requestOf(0));
    await finish(started[0]);
    await expect.poll(() => service.find(source)?.status).toBe('COMPLETE');
    const mend = await refuseRemovals(code);

    const removal = service.remove(found(service, source));

    await expect(removal).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryAfterSeconds: 5 });
    expect(service.find(source)).toBeUndefined();
    expect(await service.openFile(source, `${source}.csv`)).toBeUndefined();
    expect(await readFile(jobsFile(folder), 'utf8')).not.toContain(source.slice('JOB-'.length));
    expect(await files(folder)).toEqual([`${source}.csv`]);
    mend();
    await openService(folder, { store });
    expect(await files(folder)).toEqual([]);
  });

  it('is stopped while it is made, and others go on', async () => {
    const folder = await tempFolder();
    const { service, store, started } = await openService(folder, { workers: 1 });
    const { source } = await service.submit('ann', requestOf(0));
    const next = await service.submit('ann', requestOf(1));
    const job = found(service, source);
    const ended = service.whenEnded(job, 600_000, new AbortController().signal);
    await writeFile(`${started[0]?.task.path ?? ''}.tmp`, 'half');
    const mend = await refuseRemovals(code);

    await expect(service.remove(job)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });

    expect(started[0]?.isKilled).toBe(true);
    expect(await ended).toBe(true);
    expect(service.find(source)).toBeUndefined();
    expect(await files(folder)).toEqual([`${source}.csv.tmp`]);
    expect(started).toHaveLength(2);
    await finish(started[1]);
    await expect.poll(() => service.find(next.source)?.status).toBe('COMPLETE');
    mend();
    await openService(folder, { store });
    expect(await files(folder)).toEqual([`${next.source}.csv`]);
  });
});

describe('a report that can not be forgotten', () => {
  it.each(['waiting', 'running', 'COMPLETE'])('stays as it is, which was %s', async (state) => {
    const folder = await tempFolder();
    const { service, started } = await openService(folder, { workers: 1 });
    const first = await service.submit('ann', requestOf(0));
    const { source } = state === 'waiting' ? await service.submit('ann', requestOf(1)) : first;
    if (state === 'COMPLETE') {
      await finish(started[0]);
      await expect.poll(() => service.find(source)?.status).toBe('COMPLETE');
    }
    const mend = await blockJobs(folder);

    const removal = service.remove(found(service, source));

    await expect(removal).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(started[0]?.isKilled).toBe(false);
    await mend();
    if (state !== 'COMPLETE') await finish(started[0]);
    if (state === 'waiting') {
      await expect.poll(() => started.length).toBe(2);
      await finish(started[1]);
    }
    await expect.poll(() => service.find(source)?.status).toBe('COMPLETE');
    expect(await files(folder)).toContain(`${source}.csv`);
  });
});
