import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ReportJob } from '../../server/reports/report-jobs.ts';
import { DEFAULT_OUTPUT, type ReportOutput } from '../../shared/report.ts';
import { FILTER } from './events.ts';

/**
 * Puts a finished report into the folder of a server that is not running yet.
 *
 * @param changes - Of the job, such as one of an older version, which lacks the digest.
 * @returns Its public name.
 */
export async function storeReport(
  dataFolder: string,
  content: Uint8Array,
  output: Partial<ReportOutput> = {},
  changes: Partial<ReportJob> = {
    rows: 3,
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  },
): Promise<string> {
  const job: ReportJob = {
    job: randomUUID(),
    status: 'COMPLETE',
    filter: FILTER,
    output: { ...DEFAULT_OUTPUT, ...output },
    userId: 'admin',
    position: 0,
    startMs: Date.now() - 1,
    endMs: Date.now(),
    ...changes,
  };
  const source = `JOB-${job.job}`;
  const { format, compression } = job.output;
  await mkdir(path.join(dataFolder, 'reports'), { recursive: true });
  await writeFile(
    path.join(dataFolder, 'reports', `${source}.${format}${compression === null ? '' : '.gz'}`),
    content,
  );
  const jobsFile = path.join(dataFolder, 'jobs.json');
  const jobs: unknown = JSON.parse(await readFile(jobsFile, 'utf8').catch(() => '[]'));
  await writeFile(jobsFile, JSON.stringify([...(Array.isArray(jobs) ? jobs : []), job]));
  return source;
}
