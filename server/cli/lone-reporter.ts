import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { LocalReport, Reporter } from '../admin/admin-report.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { localReport } from '../reporter.ts';
import { endingOf } from '../reports/job-endings.ts';
import type { ReportFiles } from '../reports/report-files.ts';
import { sourceOf, type ReportJob } from '../reports/report-jobs.ts';
import type { ReportProcess } from '../reports/report-process.ts';
import { parseReportRequest } from '../reports/report-request.ts';
import type { ReportAdvance, ReportTask } from '../reports/report-task.ts';
import type { EventStore } from '../store/event-store.ts';

export interface LoneReporterDependencies {
  readonly store: EventStore;
  readonly catalog: Catalog;
  readonly files: ReportFiles;
  readonly start: (task: ReportTask, onAdvance: (advance: ReportAdvance) => void) => ReportProcess;
  readonly logger: Logger;
}

interface Making {
  job: ReportJob;
  advance: ReportAdvance | undefined;
  readonly process: ReportProcess;
  /** Resolves when the job has ended. */
  readonly ended: Promise<void>;
}

/** Makes reports where no server runs. Nobody is told of their jobs but the tool that asks, so none is recorded. */
export class LoneReporter implements Reporter {
  readonly #deps: LoneReporterDependencies;
  readonly #made = new Map<string, Making>();

  constructor(deps: LoneReporterDependencies) {
    this.#deps = deps;
  }

  async begin(request: unknown): Promise<string> {
    const { store, catalog, files, start } = this.#deps;
    const { filter, output } = parseReportRequest(request, catalog);
    const position = store.position();
    const job: ReportJob = {
      job: randomUUID(),
      status: 'RUNNING',
      filter,
      output,
      userId: '',
      position,
      startMs: Date.now(),
    };
    const snapshot = store.snapshot(position);
    const columns = catalog.columns(filter.product);
    const task: ReportTask = { snapshot, filter, output, columns, path: files.path(job) };
    const running = start(task, (advance) => {
      making.advance = advance;
    });
    const making: Making = {
      job,
      advance: undefined,
      process: running,
      ended: this.#end(job, running, task),
    };
    this.#made.set(sourceOf(job), making);
    return sourceOf(job);
  }

  track(source: string): LocalReport | null {
    const making = this.#made.get(source);
    if (making === undefined) return null;
    const { job, advance } = making;
    const { scanned = 0, total = 0, rows = null } = advance ?? {};
    const share = total === 0 ? null : Math.min(scanned / total, 1);
    const spentMs = Date.now() - job.startMs;
    const expectedEnd = share === null || share === 0 ? null : Math.round(job.startMs + spentMs / share);
    return localReport(job, { share, rows, expectedEnd });
  }

  async remove(source: string): Promise<void> {
    const making = this.#made.get(source);
    if (making === undefined) return;
    making.process.kill();
    await making.ended;
    this.#made.delete(source);
    await this.#deps.files.remove(making.job);
  }

  /** Ends whatever is being made, and removes it. */
  async close(): Promise<void> {
    for (const source of this.#made.keys()) await this.remove(source);
  }

  async #end(job: ReportJob, running: ReportProcess, { snapshot }: ReportTask): Promise<void> {
    const outcome = await running.outcome;
    this.#deps.store.release(snapshot);
    const making = this.#made.get(sourceOf(job));
    if (making !== undefined) making.job = { ...job, ...endingOf(outcome, Date.now()) };
    if (outcome.kind !== 'done') return;
    for (const found of outcome.damage)
      this.#deps.logger.error({ ...found }, 'left out of the report: damaged data');
  }
}
