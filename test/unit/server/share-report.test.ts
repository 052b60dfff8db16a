import * as fs from 'node:fs/promises';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { ReportFiles, reportFileName } from '../../../server/reports/report-files.ts';
import type { ReportJob } from '../../../server/reports/report-jobs.ts';
import { shareReport } from '../../../server/reports/share-report.ts';
import { syncDirectory } from '../../../server/sync-directory.ts';
import { aJob } from '../../support/report-service.ts';
import { tempFolder } from '../../support/temp-folder.ts';

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const { link, copyFile, open, rename, rm, ...original } = await importOriginal();
  return {
    ...original,
    link: vi.fn<typeof link>(link),
    copyFile: vi.fn<typeof copyFile>(copyFile),
    open: vi.fn<typeof open>(open),
    rename: vi.fn<typeof rename>(rename),
    rm: vi.fn<typeof rm>(rm),
  };
});

vi.mock(import('../../../server/sync-directory.ts'), async (importOriginal) => {
  const original = await importOriginal();
  return { syncDirectory: vi.fn<typeof original.syncDirectory>(original.syncDirectory) };
});

const real = await vi.importActual<typeof fs>('node:fs/promises');

const FULL = 'the disk is full: free some space and ask again';
const BROKEN = 'the report could not be written (EIO): ask for it again';

function refusal(code: string): Error {
  return Object.assign(new Error(`${code}: no`), { code });
}

interface Shared {
  readonly folder: string;
  readonly files: ReportFiles;
  /** The first one has its file. */
  readonly jobs: readonly [ReportJob, ReportJob, ReportJob];
}

async function madeForThree(): Promise<Shared> {
  const folder = await tempFolder();
  const files = new ReportFiles(folder, pino({ level: 'silent' }));
  const jobs = [aJob(), aJob(), aJob()] as const;
  await writeFile(files.path(jobs[0]), 'whole');
  return { folder, files, jobs };
}

async function contentsOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const contents: Record<string, string> = {};
  for (const name of await readdir(folder)) contents[name] = await readFile(`${folder}/${name}`, 'utf8');
  return contents;
}

/** That the jobs, and nothing else, have whole files. */
function wholeFor(...jobs: readonly ReportJob[]): Readonly<Record<string, string>> {
  return Object.fromEntries(jobs.map((job) => [reportFileName(job), 'whole']));
}

/** What may fail once while a job gets its file, having done its work or half of it. */
const FAILURES: readonly (readonly [string, string, () => void])[] = [
  [
    'a link that was made',
    BROKEN,
    () =>
      vi.mocked(fs.link).mockImplementationOnce(async (from, to) => {
        await real.link(from, to);
        throw refusal('EIO');
      }),
  ],
  [
    'half a copy',
    FULL,
    () => {
      vi.mocked(fs.link).mockRejectedValueOnce(refusal('EPERM'));
      vi.mocked(fs.copyFile).mockImplementationOnce(async (_from, to) => {
        await real.writeFile(String(to), 'wh');
        throw refusal('ENOSPC');
      });
    },
  ],
  [
    'the flush of a copy',
    BROKEN,
    () => {
      vi.mocked(fs.link).mockRejectedValueOnce(refusal('EMLINK'));
      vi.mocked(fs.open).mockImplementationOnce(async (...args) => {
        const handle = await real.open(...args);
        vi.spyOn(handle, 'sync').mockRejectedValueOnce(refusal('EIO'));
        return handle;
      });
    },
  ],
  [
    'the name of a copy',
    FULL,
    () => {
      vi.mocked(fs.link).mockRejectedValueOnce(refusal('ENOTSUP'));
      vi.mocked(fs.rename).mockRejectedValueOnce(refusal('EDQUOT'));
    },
  ],
];

describe('shareReport', () => {
  it.each(FAILURES)(
    'leaves no file where %s fails, and gives the others theirs',
    async (_what, reason, fail) => {
      const { folder, files, jobs } = await madeForThree();
      fail();

      const refused = await shareReport(files, jobs[0], jobs);

      expect(refused).toEqual(new Map([[jobs[1].job, reason]]));
      expect(await contentsOf(folder)).toEqual(wholeFor(jobs[0], jobs[2]));
    },
  );

  it('leaves none but the one that was made where their names can not be flushed', async () => {
    const { folder, files, jobs } = await madeForThree();
    vi.mocked(syncDirectory).mockRejectedValueOnce(refusal('EIO'));

    const refused = await shareReport(files, jobs[0], jobs);

    expect(refused).toEqual(new Map(jobs.slice(1).map(({ job }) => [job, BROKEN])));
    expect(await contentsOf(folder)).toEqual(wholeFor(jobs[0]));
  });

  it('says which job got none though what is left can not be removed either', async () => {
    const { folder, files, jobs } = await madeForThree();
    vi.mocked(fs.link).mockImplementationOnce(async (from, to) => {
      await real.link(from, to);
      vi.mocked(fs.rm).mockRejectedValueOnce(refusal('EIO'));
      throw refusal('EIO');
    });

    const refused = await shareReport(files, jobs[0], jobs);

    expect(refused).toEqual(new Map([[jobs[1].job, BROKEN]]));
    expect(await contentsOf(folder)).toEqual(wholeFor(...jobs));
    // As a start does, for which the job is FAILED.
    await files.keepOnly([jobs[0], jobs[2]]);
    expect(await contentsOf(folder)).toEqual(wholeFor(jobs[0], jobs[2]));
  });

  it('takes the place of what an earlier process has left of the same name', async () => {
    const { folder, files, jobs } = await madeForThree();
    await writeFile(files.path(jobs[1]), 'old');
    await writeFile(`${files.path(jobs[2])}.sort.tmp`, 'half');

    expect(await shareReport(files, jobs[0], jobs)).toEqual(new Map());

    expect(await contentsOf(folder)).toEqual(wholeFor(...jobs));
  });
});
