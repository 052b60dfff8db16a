import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { ReportProgress, ReportStatus } from '../../shared/report.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { toAppError } from '../disk-errors.ts';
import type { EventStore } from '../store/event-store.ts';
import { EndWaits } from './end-waits.ts';
import { failure, JobEndings } from './job-endings.ts';
import { ReportExpiry } from './report-expiry.ts';
import type { ReportFile } from './report-file.ts';
import { ReportFiles, reportFileName } from './report-files.ts';
import { type JobEnding, type ReportJob, type ReportJobs, statusOf } from './report-jobs.ts';
import { ReportLine } from './report-line.ts';
import { ReportMaker, type ReportMakerDependencies } from './report-maker.ts';
import { progressOf } from './report-progress.ts';
import type { ReportRequest } from './report-request.ts';
import { ReportSubmissions } from './report-submissions.ts';

export interface ReportServiceDependencies extends Pick<ReportMakerDependencies, 'workers' | 'start'> {
  readonly store: EventStore;
  readonly jobs: ReportJobs;
  readonly catalog: Catalog;
  /** Folder of the finished files; exists. */
  readonly folder: string;
  /** How long after its end the file of a report is removed; undefined for never. */
  readonly ttlMs?: number | undefined;
  readonly now: () => number;
  readonly logger: Logger;
  /** Wait after a write of a job's end that failed, by default 5 seconds. */
  readonly retryMs?: number;
}

/** A job that a start finds RUNNING is made again, unless it was asked for so long ago. */
const MAX_RESUME_MS = 24 * 3_600_000;
const RECORD_RETRY_MS = 5_000;
const TOO_OLD =
  'the server was stopped before it was made, and a day has passed since it was asked for: ask for it again';
const LOST = 'the store does not hold what it held when the report was asked for: ask for it again';
const MISSING = 'the file of the report is gone: ask for it again';
const ERASED = 'events of this customer were erased since: ask for it again';

/**
 * The life of report jobs: from the request through a process of their own to a file.
 *
 * Nobody is told that a job has ended before that is durable, but for FAILED of a job whose report is gone, since a
 * start would say so too.
 */
export class ReportService {
  readonly #deps: ReportServiceDependencies;
  readonly #files: ReportFiles;
  readonly #line = new ReportLine();
  readonly #submissions: ReportSubmissions;
  readonly #endings: JobEndings;
  readonly #maker: ReportMaker;
  readonly #expiry: ReportExpiry;
  readonly #waits = new EndWaits();
  /** Jobs that are COMPLETE but for their file. Not recorded: somebody may bring it back for the next start. */
  readonly #missing = new Map<string, JobEnding>();

  private constructor(deps: ReportServiceDependencies) {
    const { jobs, folder, ttlMs, retryMs = RECORD_RETRY_MS, now, logger } = deps;
    this.#deps = deps;
    this.#files = new ReportFiles(folder, logger);
    this.#endings = new JobEndings(jobs, retryMs, logger);
    this.#expiry = new ReportExpiry(jobs, this.#files, ttlMs, now);
    this.#maker = new ReportMaker({
      ...deps,
      files: this.#files,
      endings: this.#endings,
      line: this.#line,
      isHeld: (key) => this.#submissions.isHeld(key),
      onEnd: (job) => this.#waits.end(job),
    });
    this.#submissions = new ReportSubmissions(jobs, this.#files, this.#line, this.#maker);
  }

  /**
   * Opens the service: jobs that a stop left RUNNING wait in line again, files without a job go. Waits for no write,
   * and bears with a file that can't go: a server must start on a full disk.
   */
  static async open(deps: ReportServiceDependencies): Promise<ReportService> {
    const service = new ReportService(deps);
    const nowMs = deps.now();
    const complete = deps.jobs.list().filter((job) => isComplete(job) && !service.#expiry.hasExpired(job));
    const present = await service.#files.keepOnly(complete);
    for (const job of complete) {
      if (!present.has(job)) service.#missing.set(job.job, failure(MISSING, job.endMs ?? nowMs));
    }
    for (const job of deps.jobs.list()) if (job.status === 'RUNNING') service.#resume(job, nowMs);
    return service;
  }

  /** Begins to make reports, and to remove those that have expired. */
  begin(): void {
    this.#maker.open();
    this.#expiry.open();
  }

  /**
   * Asks for a report of every event acknowledged so far; resolves when the job is durable.
   *
   * @throws AppError `REPORT_QUEUE_FULL` when too many wait, of all users or of this one.
   */
  async submit(userId: string, { filter, output }: ReportRequest): Promise<ReportStatus> {
    const { store, now } = this.#deps;
    const job: ReportJob = {
      job: randomUUID(),
      status: 'RUNNING',
      filter,
      output,
      userId,
      position: store.position(),
      startMs: now(),
    };
    try {
      await this.#submissions.add(job);
    } finally {
      // Also if it failed: others may have had to wait for that.
      this.#maker.startNext();
    }
    return statusOf(job);
  }

  /** A job as it may be told to anybody. */
  find(source: string): ReportJob | undefined {
    const job = this.#deps.jobs.find(source);
    return job && this.#toldOf(job);
  }

  /** The jobs that a user has asked for, the newest first. */
  listOf(userId: string): readonly ReportJob[] {
    const jobs = this.#deps.jobs.list().filter((job) => job.userId === userId);
    return jobs.toReversed().map((job) => this.#toldOf(job));
  }

  /** How far a job is. */
  progressOf(job: ReportJob): ReportProgress {
    const making = job.status === 'RUNNING' ? this.#maker.advanceOf(job.job) : undefined;
    return progressOf(job, making, this.#expiry.expiryOf(job), this.#deps.now());
  }

  /** When the file of a job has expired, in milliseconds since the Unix epoch; undefined if it has not. */
  expiredMs(job: ReportJob): number | undefined {
    if (!this.#expiry.hasExpired(job)) return undefined;
    if (job.expiredMs === undefined) void this.#expiry.sweep();
    return this.#expiry.expiryOf(job);
  }

  /**
   * Waits until a job has ended, or is gone, for a time at most and no longer than a signal is not aborted; not at
   * all where too many wait already, or the service is about to be closed.
   *
   * @returns Whether it may be said that the wait was granted.
   */
  async whenEnded(job: ReportJob, ms: number, signal: AbortSignal): Promise<boolean> {
    return job.status !== 'RUNNING' || this.#waits.wait(job.job, ms, signal);
  }

  /**
   * Opens a finished report, by its public name and file name.
   *
   * @returns undefined if there is none; else it is to be read or closed.
   */
  async openFile(source: string, fileName: string): Promise<ReportFile | undefined> {
    const job = this.find(source);
    if (job === undefined || !isComplete(job) || reportFileName(job) !== fileName) return undefined;
    return this.expiredMs(job) === undefined ? this.#files.open(job) : undefined;
  }

  /**
   * Forgets a job, whatever its state, and removes its file; resolves when no crash brings either back.
   *
   * @throws AppError if the disk refuses to forget it, and then nothing has changed; or to remove its file, which then
   *   goes with the next start.
   */
  async remove(job: ReportJob): Promise<void> {
    await this.#deps.jobs.remove(job.job);
    try {
      await this.#maker.drop(job);
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** Ends all waits for jobs, also those to come: a stop must not wait for them. */
  endWaits(): void {
    this.#waits.close();
  }

  /** Ends all processes; their jobs are found RUNNING, and made again, at the next start. */
  async close(): Promise<void> {
    this.endWaits();
    await this.#expiry.close();
    await this.#maker.close();
    await this.#endings.close();
  }

  /**
   * Ends all reports of a customer that were made, or have begun to be, from what the store held up to a time, and
   * removes their files: events of it were erased then. Those that wait are made without these events. Resolves when
   * no file is left; that they have ended may be durable later.
   */
  async forget(customer: string, beforeMs: number): Promise<void> {
    const finished = this.#deps.jobs.list().filter((job) => {
      const isOld = (job.readMs ?? job.startMs) <= beforeMs;
      return job.filter.customer === customer && isOld && isComplete(this.#toldOf(job));
    });
    const making = this.#maker.forget(customer, beforeMs);
    for (const job of finished) {
      await this.#files.remove(job);
      // Of one that has expired nothing was left.
      if (job.expiredMs === undefined) this.#endings.tell(job.job, failure(ERASED, this.#deps.now()));
    }
    await making;
  }

  #toldOf(job: ReportJob): ReportJob {
    return { ...job, ...this.#missing.get(job.job), ...this.#endings.of(job.job) };
  }

  /** Has a job that a stop left RUNNING wait in line, or end where it can't be made any more. */
  #resume(job: ReportJob, nowMs: number): void {
    const isLost = job.position > this.#deps.store.position();
    if (!isLost && nowMs - job.startMs <= MAX_RESUME_MS) this.#line.add(job);
    else {
      const ending = failure(isLost ? LOST : TOO_OLD, nowMs);
      const record = this.#endings.record(new Map([[job.job, ending]]), () => false);
      void record.then(() => this.#waits.end(job.job));
    }
  }
}

function isComplete({ status }: ReportJob): boolean {
  return status === 'COMPLETE';
}
