import { randomUUID } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { ReportStatus } from '../../shared/report.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { AppError, systemCode } from '../errors.ts';
import type { EventStore, StoreSnapshot } from '../store/event-store.ts';
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
}

export interface ReportFile {
  /** Bytes. */
  readonly size: number;
  readonly stream: Readable;
}

/** Jobs that may wait for a process. */
const MAX_WAITING = 100;
/** Finished jobs that are remembered, with their files. */
const MAX_FINISHED = 1_000;
const RECORD_RETRY_MS = 5_000;
const ERASED = 'events of this customer were erased since: ask for it again';
const FILE_NAME = /^JOB-[0-9a-f-]{36}\.csv(\.tmp)?$/;

/** The life of report jobs: from the request through a process of their own to a file. */
export class ReportService {
  readonly #deps: ReportServiceDependencies;
  readonly #waiting: ReportJob[] = [];
  readonly #running = new Map<string, ReportProcess>();
  /** Jobs whose events were erased while they were being made. */
  readonly #forgotten = new Set<string>();
  /** Endings that are not durable yet. */
  readonly #ended = new Map<string, JobEnding>();
  #submitting = 0;
  #isClosed = false;

  private constructor(deps: ReportServiceDependencies) {
    this.#deps = deps;
  }

  /** Opens the service: jobs that a stop left RUNNING end as FAILED, files without a job go. */
  static async open(deps: ReportServiceDependencies): Promise<ReportService> {
    const { jobs, folder } = deps;
    const service = new ReportService(deps);
    for (const job of jobs.list()) {
      if (job.status !== 'RUNNING') continue;
      // Not waited for: a server must start on a full disk.
      void service.#end(job, {
        kind: 'failed',
        reason: 'the server was stopped meanwhile: ask for it again',
      });
    }
    const kept = new Set(jobs.list().filter(isComplete).map(reportFileName));
    for (const name of await readdir(folder)) {
      if (FILE_NAME.test(name) && !kept.has(name)) await rm(path.join(folder, name), { force: true });
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
      void this.#removeForgotten(before);
    } finally {
      this.#submitting--;
    }
    this.#startNext();
    return statusOf(job);
  }

  find(source: string): ReportJob | undefined {
    const job = this.#deps.jobs.find(source);
    return job && { ...job, ...this.#ended.get(job.job) };
  }

  /**
   * Opens a finished report, by its public name and file name.
   *
   * @returns undefined if there is none; else the reader of the stream must end or destroy it.
   */
  async openFile(source: string, fileName: string): Promise<ReportFile | undefined> {
    const job = this.find(source);
    if (job === undefined || !isComplete(job) || reportFileName(job) !== fileName) return undefined;
    try {
      const file = await open(this.#path(job), 'r');
      const { size } = await file.stat();
      return { size, stream: file.createReadStream() };
    } catch (error) {
      // Somebody may have tidied up by hand.
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Ends all processes; their jobs are found RUNNING, and ended, at the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    for (const running of this.#running.values()) running.kill();
    await Promise.all([...this.#running.values()].map(({ outcome }) => outcome));
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
        await this.#discard(known);
      } else if (isComplete(known)) {
        await this.#discard(known);
        void this.#end(known, { kind: 'failed', reason: ERASED });
      }
    }
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
      path: this.#path(job),
    });
    this.#running.set(job.job, running);
    void this.#finish(job, snapshot, running);
  }

  async #finish(job: ReportJob, snapshot: StoreSnapshot, running: ReportProcess): Promise<void> {
    const made = await running.outcome;
    const isForgotten = this.#forgotten.delete(job.job);
    const outcome: ReportOutcome = isForgotten ? { kind: 'failed', reason: ERASED } : made;
    this.#deps.store.release(snapshot);
    this.#running.delete(job.job);
    this.#startNext();
    if (this.#isClosed) return;
    // Before anybody hears of the end; what can't be removed now is tried again after it.
    if (outcome.kind !== 'done') await this.#discard(job).catch(() => undefined);
    await this.#end(job, outcome);
  }

  /** Ends a job at once for everyone who asks, and keeps trying until that is durable. */
  async #end(job: ReportJob, outcome: ReportOutcome): Promise<void> {
    const { jobs, now } = this.#deps;
    const ending = endingOf(outcome, now());
    this.#ended.set(job.job, ending);
    this.#log(job, outcome, ending);
    for (;;) {
      try {
        if (outcome.kind !== 'done') await this.#discard(job);
        await jobs.end(job.job, ending);
        this.#ended.delete(job.job);
        return;
      } catch (error) {
        this.#deps.logger.error(
          { source: sourceOf(job), err: error },
          'the end of a report could not be recorded',
        );
      }
      await new Promise((resolve) => setTimeout(resolve, RECORD_RETRY_MS).unref());
      if (this.#isClosed) return;
    }
  }

  /** A process that was killed leaves its temporary file behind or, killed after the last step, the finished one. */
  async #discard(job: ReportJob): Promise<void> {
    await rm(`${this.#path(job)}.tmp`, { force: true });
    await rm(this.#path(job), { force: true });
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

  async #removeForgotten(before: readonly ReportJob[]): Promise<void> {
    const known = new Set(this.#deps.jobs.list().map(({ job }) => job));
    for (const old of before) {
      if (known.has(old.job)) continue;
      try {
        await rm(this.#path(old), { force: true });
      } catch (error) {
        // The next start removes what has no job.
        this.#deps.logger.error({ source: sourceOf(old), err: error }, 'an old report could not be removed');
      }
    }
  }

  #path(job: ReportJob): string {
    return path.join(this.#deps.folder, reportFileName(job));
  }
}

/** The name under which a report is stored and downloaded. */
export function reportFileName(job: ReportJob): string {
  return `${sourceOf(job)}.csv`;
}

function isComplete({ status }: ReportJob): boolean {
  return status === 'COMPLETE';
}

function endingOf(outcome: ReportOutcome, endMs: number): JobEnding {
  switch (outcome.kind) {
    case 'done':
      return { status: 'COMPLETE', endMs };
    case 'timeout':
      return {
        status: 'TIMEOUT',
        endMs,
        error: 'the report took longer than this server allows: ask for a shorter time range',
      };
    case 'failed':
      return { status: 'FAILED', endMs, error: outcome.reason };
  }
}
