import { copyFile, link, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { systemCode } from '../errors.ts';
import { syncDirectory } from '../sync-directory.ts';
import { openReportFile, type ReportFile } from './report-file.ts';
import { type ReportJob, sourceOf } from './report-jobs.ts';

const FILE_NAME = /^JOB-[0-9a-f-]{36}\.(csv|ndjson)(\.gz)?(\.sort)?(\.tmp)?$/;

/** What file systems say that can't give a file a second name. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'EACCES',
  'EMLINK',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
]);

/** The name under which a report is stored and downloaded. */
export function reportFileName(job: ReportJob): string {
  const { format, compression } = job.output;
  return `${sourceOf(job)}.${format}${compression === 'gzip' ? '.gz' : ''}`;
}

/** The folder of the finished reports. */
export class ReportFiles {
  readonly #folder: string;
  readonly #logger: Logger;

  /** @param folder - Exists. */
  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  path(job: ReportJob): string {
    return path.join(this.#folder, reportFileName(job));
  }

  /**
   * Removes finished and half reports but those of some jobs; one that can't go stays for the next start.
   *
   * @returns Those of the jobs whose report is there.
   */
  async keepOnly(jobs: readonly ReportJob[]): Promise<ReadonlySet<ReportJob>> {
    const names = new Set(await readdir(this.#folder));
    const present = jobs.filter((job) => names.delete(reportFileName(job)));
    // What is not a report's is somebody else's.
    for (const name of names) if (FILE_NAME.test(name)) await this.#tryToRemove(name);
    return new Set(present);
  }

  /** Opens a report; undefined if it is not there. */
  async open(job: ReportJob): Promise<ReportFile | undefined> {
    try {
      return await openReportFile(this.path(job));
    } catch (error) {
      // Somebody may have tidied up by hand.
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Gives a job the report of another one, as a file of its own name; a power cut may take it back before `sync`.
   *
   * It is the same file under another name, or a copy where there can't be one.
   */
  async share(made: ReportJob, job: ReportJob): Promise<void> {
    await this.remove(job);
    try {
      await link(this.path(made), this.path(job));
    } catch (error) {
      if (!NO_LINKS.has(systemCode(error))) throw error;
      await this.#copy(this.path(made), this.path(job));
    }
  }

  /** Resolves when no power cut takes back a name that was given. */
  async sync(): Promise<void> {
    await syncDirectory(this.#folder);
  }

  /** Removes a report, and what a process that was killed left behind: its temporary file or even the finished one. */
  async remove(job: ReportJob): Promise<void> {
    for (const ending of ['.tmp', '.sort.tmp']) await rm(`${this.path(job)}${ending}`, { force: true });
    await rm(this.path(job), { force: true });
  }

  /** The same; resolves when no power cut can bring it back. */
  async removeDurably(job: ReportJob): Promise<void> {
    await this.remove(job);
    await this.sync();
  }

  /**
   * Removes reports that nobody will ask for any more; one that can't go stays for the next start.
   *
   * @returns Whether all are gone.
   */
  async removeForgotten(jobs: readonly ReportJob[]): Promise<boolean> {
    let isGone = true;
    for (const job of jobs) isGone = (await this.#tryToRemove(reportFileName(job))) && isGone;
    return isGone;
  }

  async #copy(from: string, to: string): Promise<void> {
    const temporary = `${to}.tmp`;
    try {
      await copyFile(from, temporary);
      const file = await open(temporary, 'r+');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, to);
    } catch (error) {
      // It would hold the last space of a full disk.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async #tryToRemove(name: string): Promise<boolean> {
    try {
      await rm(path.join(this.#folder, name), { force: true });
      return true;
    } catch (error) {
      this.#logger.error({ err: error, file: name }, 'an old report could not be removed');
      return false;
    }
  }
}
