import { isFull } from '../disk-errors.ts';
import { systemCode } from '../errors.ts';
import type { ReportFiles } from './report-files.ts';
import type { ReportJob } from './report-jobs.ts';

/**
 * Gives jobs the report that was made under the name of one, each as a file of its own; resolves when they are durable.
 *
 * @param jobs - May have `made` among them, which has its file.
 * @returns Why a job got none, by its UUID: a sentence that a person can act on.
 */
export async function shareReport(
  files: ReportFiles,
  made: ReportJob,
  jobs: readonly ReportJob[],
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  const others = jobs.filter(({ job }) => job !== made.job);
  const refuse = async (job: ReportJob, error: unknown): Promise<void> => {
    refused.set(job.job, reasonOf(error));
    // The next start removes what can't be removed now.
    await files.remove(job).catch(() => undefined);
  };
  for (const job of others) await files.share(made, job).catch((error: unknown) => refuse(job, error));
  if (others.length === refused.size) return refused;
  try {
    await files.sync();
  } catch (error) {
    for (const job of others) await refuse(job, error);
  }
  return refused;
}

function reasonOf(error: unknown): string {
  if (isFull(error)) return 'the disk is full: free some space and ask again';
  return `the report could not be written (${systemCode(error) ?? 'unknown error'}): ask for it again`;
}
