import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { ReportStatus } from '../../shared/report.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { AppError } from '../errors.ts';
import type { EventStore, StoreSnapshot } from '../store/event-store.ts';
import { endingOf, failure, JobEndings } from './job-endings.ts';
import type { ReportFile } from './report-file.ts';
import { ReportFiles, reportFileName } from './report-files.ts';
import { type JobEnding, type ReportJob, type ReportJobs, sourceOf, statusOf } from './report-jobs.ts';
import type { ReportOutcome, ReportProcess } from './report-process.ts';
import type { ReportRequest } from './report-request.ts';
import type { ReportTask } from './report-task.ts';

export interface ReportServiceDependencies {
  readonly store: EventStore;
  readonly jobs: ReportJobs;
  readonly catalog: Catalog;
  /** Folder of the finished files; exists. */
  readonly folder: string;
  /** How many reports are made at the same time. */
  readonly workers: number;
  readonly start: (task: ReportTask) => ReportProcess;
  readonly now: () => number;
  readonly logger: Logger;
  /** Wait after a write of a job's end that failed, by default 5 seconds. */
  readonly retryMs?: number;
}

/** Jobs that may wait for a process. */
const MAX_WAITING = 100;
/** Finished jobs that are remembered, with their files. */
const MAX_FINISHED = 1_000;
const RECORD_RETRY_MS = 5_000;
const STOPPED = 'the server was stopped meanwhile: ask for it again';
const MISSING = 'the file of the report is gone: ask for it again';
const UNRECORDED = 'the disk refused to record that it was made: see to it, then ask for it again';
const ERASED = 'events of this customer were erased since: ask for it again';

/**
 * The life of report jobs: from the request through a process of their own to a file.
 *
 * Nobody is told that a job has ended before that is durable, but for FAILED where a start would say so too: of
 * a job that is RUNNING in the jobs' file, or whose report is gone.
 */
export class ReportService {
  readonly #deps: ReportServiceDependencies;
  readonly #files: ReportFiles;
  readonly #waiting: ReportJob[] = [];
  readonly #running = new Map<string, ReportProcess>();
  /** Jobs whose process has ended, and of which nobody has been told how. */
  readonly #ending = new Set<string>();
  /** Jobs whose events were erased while they were being made. */
  readonly #forgotten = new Set<string>();
  /** Jobs that are COMPLETE but for their file. Not recorded: somebody may bring it back for the next start. */
  readonly #missing = new Map<string, JobEnding>();
  readonly #endings: JobEndings;
  #submitting = 0;
  #isClosed = false;

  private constructor(deps: ReportServiceDependencies) {
    this.#deps = deps;
    this.#files = new ReportFiles(deps.folder, deps.logger);
    this.#endings = new JobEndings(deps.jobs, deps.retryMs ?? RECORD_RETRY_MS, deps.logger);
  }

  /**
   * Opens the service: jobs that a stop left RUNNING end as FAILED, files without a job go. Waits for no write, and
   * bears with a file that can't go: a server must start on a full disk.
   */
  static async open(deps: ReportServiceDependencies): Promise<ReportService> {
    const service = new ReportService(deps);
    const nowMs = deps.now();
    const complete = deps.jobs.list().filter(isComplete);
    const present = await service.#files.keepOnly(complete);
    for (const job of complete) {
      if (!present.has(job)) service.#missing.set(job.job, failure(MISSING, job.endMs ?? nowMs));
    }
    for (const { job, status } of deps.jobs.list()) {
      if (status === 'RUNNING') service.#endings.tell(job, failure(STOPPED, nowMs));
    }
    return service;
  }

  /**
   * Begins a report of every event acknowledged so far; resolves when the job is durable.
   *
   * @throws AppError `REPORT_QUEUE_FULL` when too many wait.
   */
  async submit(userId: string, { filter, output }: ReportRequest): Promise<ReportStatus> {
    if (this.#waiting.length + this.#submitting >= MAX_WAITING) {
      const message = 'too many reports wait to be made';
      throw new AppError('REPORT_QUEUE_FULL', message, { retryAfterSeconds: 60 });
    }
    const { store, jobs, now } = this.#deps;
    const position = store.position();
    const job: ReportJob = {
      job: randomUUID(),
      status: 'RUNNING',
      filter,
      output,
      userId,
      position,
      startMs: now(),
    };
    this.#submitting++;
    try {
      const before = jobs.list();
      await jobs.add(job, MAX_FINISHED);
      // Nothing may fail from here on: the job is durable, and would be RUNNING for ever.
      this.#waiting.push(job);
      const known = new Set(jobs.list().map((kept) => kept.job));
      void this.#files.removeForgotten(before.filter((old) => !known.has(old.job)));
    } finally {
      this.#submitting--;
    }
    this.#startNext();
    return statusOf(job);
  }

  /** A job as it may be told to anybody. */
  find(source: string): ReportJob | undefined {
    const job = this.#deps.jobs.find(source);
    return job && { ...job, ...this.#missing.get(job.job), ...this.#endings.of(job.job) };
  }

  /**
   * Opens a finished report, by its public name and file name.
   *
   * @returns undefined if there is none; else it is to be read or closed.
   */
  async openFile(source: string, fileName: string): Promise<ReportFile | undefined> {
    const job = this.find(source);
    if (job === undefined || !isComplete(job) || reportFileName(job) !== fileName) return undefined;
    return this.#files.open(job);
  }

  /** Ends all processes; their jobs are found RUNNING, and ended, at the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    for (const running of this.#running.values()) running.kill();
    await Promise.all([...this.#running.values()].map(({ outcome }) => outcome));
    await this.#endings.close();
  }

  /**
   * Ends all reports of a customer that were asked for up to a time, finished or not, and removes their files:
   * events of it were erased then. Resolves when no file is left; that they have ended may be durable later.
   */
  async forget(customer: string, beforeMs: number): Promise<void> {
    for (const { job } of this.#deps.jobs.list()) {
      const known = this.find(`JOB-${job}`);
      if (known === undefined || known.filter.customer !== customer || known.startMs > beforeMs) continue;
      const running = this.#running.get(job);
      if (running !== undefined) {
        this.#forgotten.add(job);
        running.kill();
        await running.outcome;
        await this.#files.remove(known);
      } else if (this.#ending.has(job)) {
        this.#forgotten.add(job);
        await this.#files.remove(known);
      } else if (isComplete(known)) {
        await this.#files.remove(known);
        this.#endings.tell(job, failure(ERASED, this.#deps.now()));
      }
    }
  }

  /** Stops a report and forgets it with its file; resolves when that is durable. Nothing happens if there is none. */
  async remove(source: string): Promise<void> {
    const job = this.find(source);
    if (job === undefined) return;
    const place = this.#waiting.findIndex((waiting) => waiting.job === job.job);
    if (place >= 0) this.#waiting.splice(place, 1);
    const running = this.#running.get(job.job);
    if (running !== undefined || this.#ending.has(job.job)) this.#forgotten.add(job.job);
    running?.kill();
    await running?.outcome;
    await this.#files.removeDurably(job);
    await this.#deps.jobs.remove(job.job);
  }

  #startNext(): void {
    if (this.#isClosed || this.#running.size >= this.#deps.workers) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    const { store, catalog, start } = this.#deps;
    const { filter, output, position } = job;
    // Not before it is its turn: the files that a snapshot names are kept for as long as it is in use.
    const snapshot = store.snapshot(position);
    const columns = catalog.columns(filter.product);
    const running = start({
      snapshot,
      filter,
      output,
      columns,
      path: this.#files.path(job),
    });
    this.#running.set(job.job, running);
    void this.#finish(job, snapshot, running);
  }

  async #finish(job: ReportJob, snapshot: StoreSnapshot, running: ReportProcess): Promise<void> {
    const made = await running.outcome;
    const wasForgotten = this.#forgotten.delete(job.job);
    this.#deps.store.release(snapshot);
    this.#running.delete(job.job);
    this.#startNext();
    if (this.#isClosed) return;
    this.#ending.add(job.job);
    await this.#end(job, wasForgotten ? { kind: 'failed', reason: ERASED } : made);
  }

  /** Ends a job once that is durable, or as FAILED if it can't be. */
  async #end(job: ReportJob, outcome: ReportOutcome): Promise<void> {
    const ending = endingOf(outcome, this.#deps.now());
    this.#log(job, outcome, ending);
    // Before anybody hears of the end; the next start removes what can't be removed now.
    if (outcome.kind !== 'done') await this.#files.remove(job).catch(() => undefined);
    const isRecorded = await this.#endings.record(job.job, ending, () => this.#forgotten.has(job.job));
    this.#ending.delete(job.job);
    const wasForgotten = this.#forgotten.delete(job.job);
    if (isRecorded && !(wasForgotten && outcome.kind === 'done')) return;
    const reason = wasForgotten ? ERASED : (ending.error ?? UNRECORDED);
    await this.#giveUp(job, failure(reason, ending.endMs));
  }

  /** Tells that a job is FAILED, whatever the jobs' file has of its end, once no power cut can bring back a report. */
  async #giveUp(job: ReportJob, ending: JobEnding): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#files.removeDurably(job);
        this.#endings.tell(job.job, ending);
        return;
      } catch {
        // That the disk fails is in the log by now.
        await this.#endings.pause();
      }
    }
  }

  #log(job: ReportJob, outcome: ReportOutcome, { status, endMs, error }: JobEnding): void {
    const { logger } = this.#deps;
    const source = sourceOf(job);
    if (outcome.kind !== 'done') {
      logger.info({ source, status, error }, 'report not made');
      return;
    }
    const { rows, bytes, damage } = outcome;
    logger.info({ source, rows, bytes, ms: endMs - job.startMs }, 'report made');
    for (const found of damage) logger.error({ source, ...found }, 'left out of the report: damaged data');
  }
}

function isComplete({ status }: ReportJob): boolean {
  return status === 'COMPLETE';
}
