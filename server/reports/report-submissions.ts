import { AppError } from '../errors.ts';
import type { ReportFiles } from './report-files.ts';
import { type ReportJob, type ReportJobs, sourceOf } from './report-jobs.ts';
import { type ReportLine, sharingKey } from './report-line.ts';
import type { ReportMaker } from './report-maker.ts';

/** Jobs that may wait for a process. */
const MAX_WAITING = 100;
/** Jobs of one user that may be unfinished, so that nobody fills the line. */
const MAX_OF_USER = 50;
/** Finished jobs that are remembered, with their files. */
const MAX_FINISHED = 1_000;
const RETRY_SECONDS = 60;

/** How jobs that are asked for become durable, and get into the line. */
export class ReportSubmissions {
  readonly #jobs: ReportJobs;
  readonly #files: ReportFiles;
  readonly #line: ReportLine;
  readonly #maker: ReportMaker;
  /** Those that are being written, by their UUIDs. */
  readonly #adding = new Map<string, { readonly key: string; readonly userId: string }>();

  constructor(jobs: ReportJobs, files: ReportFiles, line: ReportLine, maker: ReportMaker) {
    this.#jobs = jobs;
    this.#files = files;
    this.#line = line;
    this.#maker = maker;
  }

  /** Whether jobs of a key have to stay in line: the position up to which they read is being written. */
  isHeld(key: string): boolean {
    return [...this.#adding.values()].some((adding) => adding.key === key);
  }

  /**
   * Puts a job in line; resolves when it is durable. What waits for the same report gets its position with the same
   * write, so that all of them are made at once.
   *
   * @throws AppError `REPORT_QUEUE_FULL`, or what the disk says; then nothing has changed.
   */
  async add(job: ReportJob): Promise<void> {
    this.#requireRoom(job.userId);
    const key = sharingKey(job);
    this.#adding.set(job.job, { key, userId: job.userId });
    const before = this.#jobs.list();
    try {
      await this.#jobs.add(
        job,
        MAX_FINISHED,
        (other) => (this.#line.has(other.job) || this.#adding.has(other.job)) && sharingKey(other) === key,
      );
    } finally {
      this.#adding.delete(job.job);
    }
    // Nothing may fail from here on: the job is durable, and would be RUNNING until the next start.
    this.#line.raise(key, job.position);
    // Its position may be about to be raised, which a report that has begun can't follow.
    if (this.isHeld(key) || !this.#maker.join(job)) this.#line.add(job);
    const known = new Set(this.#jobs.list().map(sourceOf));
    void this.#files.removeForgotten(before.filter((old) => !known.has(sourceOf(old))));
  }

  #requireRoom(userId: string): void {
    const adding = [...this.#adding.values()];
    const ofUser = adding.filter((other) => other.userId === userId).length;
    const retry = { retryAfterSeconds: RETRY_SECONDS };
    if (this.#line.size + this.#maker.sharing + adding.length >= MAX_WAITING)
      throw new AppError('REPORT_QUEUE_FULL', 'too many reports wait to be made', retry);
    if (this.#line.countOf(userId) + this.#maker.countOf(userId) + ofUser >= MAX_OF_USER)
      throw new AppError('REPORT_QUEUE_FULL', 'too many reports of this user wait to be made', retry);
  }
}
