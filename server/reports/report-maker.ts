import type { Logger } from 'pino';
import type { Catalog } from '../catalog/catalog.ts';
import type { EventStore, StoreSnapshot } from '../store/event-store.ts';
import { endingOf, failure, type JobEndings } from './job-endings.ts';
import type { ReportFiles } from './report-files.ts';
import { type JobEnding, type ReportJob, sourceOf } from './report-jobs.ts';
import { type ReportLine, sharingKey } from './report-line.ts';
import type { MakingAdvance } from './report-progress.ts';
import type { ReportOutcome, ReportProcess } from './report-process.ts';
import type { ReportAdvance, ReportTask } from './report-task.ts';
import { shareReport } from './share-report.ts';

export interface ReportMakerDependencies {
  readonly store: EventStore;
  readonly catalog: Catalog;
  readonly files: ReportFiles;
  readonly endings: JobEndings;
  readonly line: ReportLine;
  /** How many reports are made at the same time. */
  readonly workers: number;
  readonly start: (task: ReportTask, onAdvance: (advance: ReportAdvance) => void) => ReportProcess;
  /** Whether jobs of a key have to stay in line for now. */
  readonly isHeld: (key: string) => boolean;
  /** Told of each job, by its UUID, whose end may be told. */
  readonly onEnd: (job: string) => void;
  readonly now: () => number;
  readonly logger: Logger;
}

/** A report that is being made, for one job or for several that are the same. */
interface Making {
  /** The job whose name its file has. */
  readonly lead: ReportJob;
  readonly key: string;
  /** Those that want it, by their UUIDs. */
  readonly jobs: Map<string, ReportJob>;
  /** When its snapshot was taken. */
  readonly sinceMs: number;
  readonly process: ReportProcess;
  advance: ReportAdvance | undefined;
  isRunning: boolean;
  /** Whether events were erased that it may hold. */
  isForgotten: boolean;
  /** Resolves to what its jobs come to when the process has ended, and each has its file or none is left. */
  made: Promise<ReadonlyMap<string, JobEnding>>;
}

const ERASED = 'events of this customer were erased since: ask for it again';

/** Makes the reports of jobs that wait in line, by processes of their own, and has the jobs' ends recorded. */
export class ReportMaker {
  readonly #deps: ReportMakerDependencies;
  /** By the UUID of each job, until its end may be told. */
  readonly #makings = new Map<string, Making>();
  #running = 0;
  #isOpen = false;

  constructor(deps: ReportMakerDependencies) {
    this.#deps = deps;
  }

  /** Jobs that have left the line and not ended, but for one of each running process. */
  get sharing(): number {
    return Math.max(0, this.#makings.size - this.#running);
  }

  /** How many of a user's jobs have left the line and not ended. */
  countOf(userId: string): number {
    return [...this.#makings].filter(([job, { jobs }]) => jobs.get(job)?.userId === userId).length;
  }

  /** How far the report of a job, named by its UUID, is; undefined if it is not being made. */
  advanceOf(job: string): MakingAdvance | undefined {
    return this.#makings.get(job);
  }

  /** Begins to take jobs from the line. */
  open(): void {
    this.#isOpen = true;
    this.startNext();
  }

  /** Takes from the line what there are processes for. */
  startNext(): void {
    const { line, workers, isHeld } = this.#deps;
    while (this.#isOpen && this.#running < workers) {
      const [lead, ...others] = line.take(isHeld);
      if (lead === undefined) return;
      this.#make(lead, others);
    }
  }

  /** Has a job share the report that is being made of the same at the same position, if there is one. */
  join(job: ReportJob): boolean {
    const key = sharingKey(job);
    for (const making of this.#makings.values()) {
      const { lead, jobs, isRunning, isForgotten } = making;
      if (making.key !== key || lead.position !== job.position || !isRunning || isForgotten) continue;
      jobs.set(job.job, job);
      this.#makings.set(job.job, making);
      return true;
    }
    return false;
  }

  /** Makes no report for a job any more; its process ends if no other job wants it. Resolves when its file is gone for good. */
  async drop(job: ReportJob): Promise<void> {
    const { line, files, onEnd } = this.#deps;
    const making = this.#makings.get(job.job);
    if (making !== undefined) {
      making.jobs.delete(job.job);
      this.#makings.delete(job.job);
      if (making.jobs.size === 0) making.process.kill();
      // A file that others wait for goes when they have it.
      if (making.jobs.size === 0 || !making.isRunning) await making.made;
    }
    line.remove(job.job);
    onEnd(job.job);
    if (making === undefined || !making.isRunning) await files.removeDurably(job);
  }

  /**
   * Ends what is being made of a customer's events from a snapshot that was taken up to a time; resolves when no
   * file of it is left.
   */
  async forget(customer: string, beforeMs: number): Promise<void> {
    const makings = new Set(this.#makings.values());
    const stale = [...makings].filter(
      ({ lead, sinceMs }) => lead.filter.customer === customer && sinceMs <= beforeMs,
    );
    // All of them before the first wait: none may end as it was meanwhile.
    for (const making of stale) {
      making.isForgotten = true;
      making.process.kill();
    }
    for (const { made, lead, jobs } of stale) {
      await made;
      for (const job of [lead, ...jobs.values()]) await this.#deps.files.remove(job);
    }
  }

  /** Ends all processes; what becomes of their jobs is up to the next start. */
  async close(): Promise<void> {
    this.#isOpen = false;
    const makings = new Set(this.#makings.values());
    for (const { process } of makings) process.kill();
    await Promise.all([...makings].map(({ made }) => made));
  }

  #make(lead: ReportJob, others: readonly ReportJob[]): void {
    const { store, catalog, start, files, now } = this.#deps;
    const { filter, output, position } = lead;
    // Not before it is its turn: the files that a snapshot names are kept for as long as it is in use.
    const sinceMs = now();
    const snapshot = store.snapshot(position);
    const columns = catalog.columns(filter.product);
    const process = start({ snapshot, filter, output, columns, path: files.path(lead) }, (advance) => {
      making.advance = advance;
    });
    const making: Making = {
      lead,
      key: sharingKey(lead),
      jobs: new Map([lead, ...others].map((job) => [job.job, job])),
      sinceMs,
      process,
      advance: undefined,
      isRunning: true,
      isForgotten: false,
      made: Promise.resolve(new Map()),
    };
    for (const job of making.jobs.keys()) this.#makings.set(job, making);
    this.#running++;
    making.made = this.#finish(making, snapshot);
    void this.#end(making);
  }

  async #finish(making: Making, snapshot: StoreSnapshot): Promise<ReadonlyMap<string, JobEnding>> {
    const outcome = await making.process.outcome;
    making.isRunning = false;
    this.#running--;
    this.#deps.store.release(snapshot);
    this.startNext();
    if (!this.#isOpen) return new Map();
    return this.#hand(making, making.isForgotten ? { kind: 'failed', reason: ERASED } : outcome);
  }

  /** Gives each job its file, or removes what is left. */
  async #hand(
    { lead, jobs, sinceMs }: Making,
    outcome: ReportOutcome,
  ): Promise<ReadonlyMap<string, JobEnding>> {
    const { files, now } = this.#deps;
    const ending = { ...endingOf(outcome, now()), readMs: sinceMs };
    const refused =
      outcome.kind === 'done'
        ? await shareReport(files, lead, [...jobs.values()])
        : new Map<string, string>();
    // Before anybody hears of the end; the next start removes what can't be removed now.
    if (outcome.kind !== 'done' || !jobs.has(lead.job)) await files.remove(lead).catch(() => undefined);
    const endings = new Map<string, JobEnding>();
    for (const job of jobs.values()) {
      const reason = refused.get(job.job);
      const own = reason === undefined ? ending : failure(reason, ending.endMs);
      endings.set(job.job, own);
      this.#log(job, outcome, own);
    }
    return endings;
  }

  async #end(making: Making): Promise<void> {
    const { endings, onEnd } = this.#deps;
    const made = await making.made;
    if (!this.#isOpen) return;
    const isRecorded = await endings.record(made, () => making.isForgotten || making.jobs.size === 0);
    if (making.isForgotten) await this.#endForgotten(making, isRecorded);
    if (!this.#isOpen) return;
    for (const job of making.jobs.keys()) {
      this.#makings.delete(job);
      onEnd(job);
    }
  }

  /** @param isRecorded - Whether the jobs' file may already have it that the report was made. */
  async #endForgotten({ jobs }: Making, isRecorded: boolean): Promise<void> {
    const { endings, files, now } = this.#deps;
    const ending = failure(ERASED, now());
    if (!isRecorded) {
      await endings.record(new Map([...jobs.keys()].map((job) => [job, ending])), () => jobs.size === 0);
      return;
    }
    // It may be told before it is recorded only if no power cut can bring back a report.
    await endings.keepTrying(() => Promise.all([...jobs.values()].map((job) => files.removeDurably(job))));
    for (const job of jobs.keys()) endings.tell(job, ending);
  }

  #log(job: ReportJob, outcome: ReportOutcome, { status, endMs, error }: JobEnding): void {
    const { logger } = this.#deps;
    const source = sourceOf(job);
    if (outcome.kind !== 'done' || status !== 'COMPLETE') {
      logger.info({ source, status, error }, 'report not made');
      return;
    }
    const { rows, bytes, damage } = outcome;
    logger.info({ source, rows, bytes, ms: endMs - job.startMs }, 'report made');
    for (const found of damage) logger.error({ source, ...found }, 'left out of the report: damaged data');
  }
}
