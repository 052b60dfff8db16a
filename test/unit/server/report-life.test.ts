import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import {
  addBatch,
  aJob,
  finish,
  jobsFile,
  openEmptyStore,
  openService,
  requestOf,
} from '../../support/report-service.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const DAY_MS = 86_400_000;

describe('identical reports', () => {
  it('that wait share one process at the newest position, and each has a file of its own', async () => {
    const folder = await tempFolder();
    const { service, store, started } = await openService(folder, { workers: 1 });
    await service.submit('ann', requestOf(0));
    const first = await service.submit('ann', requestOf(1));
    await addBatch(store);
    const second = await service.submit('bob', requestOf(1));
    expect((await readFile(jobsFile(folder), 'utf8')).match(/"position": 1/g)).toHaveLength(2);

    await finish(started[0]);
    await expect.poll(() => started.length).toBe(2);
    await finish(started[1], 'shared');
    await expect.poll(() => service.find(second.source)?.status).toBe('COMPLETE');

    expect(service.find(first.source)).toMatchObject({ status: 'COMPLETE', rows: 3, sha256: 'ab' });
    expect(started).toHaveLength(2);
    const job = service.find(first.source);
    if (job !== undefined) await service.remove(job);
    const left = await service.openFile(second.source, `${second.source}.csv`);
    expect(left && (await text(left.read()))).toBe('shared');
    expect(await service.openFile(first.source, `${first.source}.csv`)).toBeUndefined();
  });

  it('share one that is being made only at its position, and kill it when nobody wants it', async () => {
    const { service, store, started } = await openService(await tempFolder());
    const first = await service.submit('ann', requestOf(0));
    const second = await service.submit('bob', requestOf(0));
    expect(started).toHaveLength(1);
    await addBatch(store);
    await service.submit('cid', requestOf(0));
    expect(started).toHaveLength(2);

    const jobs = [first, second].map(({ source }) => service.find(source));
    if (jobs[0] !== undefined) await service.remove(jobs[0]);
    expect(started[0]?.isKilled).toBe(false);
    if (jobs[1] !== undefined) await service.remove(jobs[1]);
    expect(started[0]?.isKilled).toBe(true);
    expect(started[1]?.isKilled).toBe(false);
    expect(service.find(second.source)).toBeUndefined();
  });
});

describe('a start', () => {
  it('has jobs that were RUNNING wait again, in their order and at their positions', async () => {
    const folder = await tempFolder();
    const store = await openEmptyStore(folder);
    const before = await openService(folder, { store, workers: 1 });
    const asked = [
      await before.service.submit('ann', requestOf(0)),
      await before.service.submit('ann', requestOf(1)),
    ];
    await before.service.close();
    await writeFile(path.join(folder, 'reports', `${asked[0]?.source ?? ''}.csv.tmp`), 'half');
    await mkdir(path.join(folder, 'reports', 'lost+found'));
    await addBatch(store);

    const { service, started } = await openService(folder, { store, workers: 1 });

    expect(await readdir(path.join(folder, 'reports'))).toEqual(['lost+found']);
    expect(started.map(({ task }) => task.filter.start)).toEqual([0]);
    await finish(started[0]);
    await expect.poll(() => started.length).toBe(2);
    await finish(started[1]);
    await expect.poll(() => service.find(asked[1]?.source ?? '')?.status).toBe('COMPLETE');
    expect(service.find(asked[0]?.source ?? '')).toMatchObject({ status: 'COMPLETE', position: 0 });
  });

  it('ends those that are older than a day, or beyond the store, with the reason', async () => {
    const folder = await tempFolder();
    const jobs = [aJob({ startMs: Date.now() - DAY_MS - 60_000 }), aJob({ position: 7 })];
    await writeFile(jobsFile(folder), JSON.stringify(jobs));

    const { service, started } = await openService(folder);

    const find = (index: number) => service.find(`JOB-${jobs[index]?.job ?? ''}`);
    await expect.poll(() => find(1)?.status).toBe('FAILED');
    expect(find(0)).toMatchObject({ status: 'FAILED', error: expect.stringContaining('a day has passed') });
    expect(find(1)?.error).toContain('the store does not hold');
    expect(started).toEqual([]);
  });

  it('reads jobs of an older version with the defaults of what they lack', async () => {
    const folder = await tempFolder();
    const { output: _output, ...job } = aJob();
    const old = { ...job, output: { delimiter: ';', header: false, guard: true } };
    await writeFile(jobsFile(folder), JSON.stringify([old]));
    const { started } = await openService(folder);
    expect(started[0]?.task.output).toMatchObject({
      format: 'csv',
      delimiter: ';',
      columns: [],
      partial: false,
    });
  });
});

describe('a finished report', () => {
  it('expires, which is noted, so that a longer time does not make it FAILED', async () => {
    const folder = await tempFolder();
    let nowMs = Date.now();
    const options = { ttlMs: DAY_MS, now: () => nowMs };
    const before = await openService(folder, options);
    const { source } = await before.service.submit('ann', requestOf(0));
    await finish(before.started[0]);
    await expect.poll(() => before.service.find(source)?.status).toBe('COMPLETE');
    const job = before.service.find(source);
    expect(job && before.service.progressOf(job).expires).toBe((job?.endMs ?? 0) + DAY_MS);

    nowMs += 2 * DAY_MS;
    expect(job && before.service.expiredMs(job)).toBe((job?.endMs ?? 0) + DAY_MS);
    expect(await before.service.openFile(source, `${source}.csv`)).toBeUndefined();
    await expect.poll(() => readFile(jobsFile(folder), 'utf8')).toContain('"expiredMs"');
    expect(await readdir(path.join(folder, 'reports'))).toEqual([]);
    await before.service.close();

    const { service } = await openService(folder, { now: () => nowMs });
    const left = service.find(source);
    expect(left?.status).toBe('COMPLETE');
    expect(left && service.expiredMs(left)).toBe((job?.endMs ?? 0) + DAY_MS);
  });
});

describe('the progress of a report', () => {
  it('is what its process told last, with the end that this leads to', async () => {
    let nowMs = 1_000_000;
    const { service, started } = await openService(await tempFolder(), { workers: 1, now: () => nowMs });
    const { source } = await service.submit('ann', requestOf(0));
    const waiting = await service.submit('ann', requestOf(1));
    nowMs += 1_000;
    started[0]?.advance({ scanned: 25, total: 100, rows: 4 });
    const progress = (name: string) => {
      const job = service.find(name);
      return job && service.progressOf(job).progress;
    };
    expect(progress(source)).toEqual({
      scanned: 25,
      total: 100,
      share: 0.25,
      rows: 4,
      expectedEnd: 1_004_000,
    });
    expect(progress(waiting.source)).toEqual({ scanned: 0, total: 0, share: 0, rows: 0, expectedEnd: null });
    await finish(started[0]);
    await expect.poll(() => progress(source)).toMatchObject({ share: 1, rows: 3 });
  });
});
