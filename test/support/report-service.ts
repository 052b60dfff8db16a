import { randomUUID } from 'node:crypto';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { loadCatalog } from '../../server/catalog/catalog.ts';
import { type ReportJob, ReportJobs } from '../../server/reports/report-jobs.ts';
import type { ReportOutcome } from '../../server/reports/report-process.ts';
import type { ReportRequest } from '../../server/reports/report-request.ts';
import { ReportService } from '../../server/reports/report-service.ts';
import type { ReportAdvance, ReportTask } from '../../server/reports/report-task.ts';
import type { EventStore } from '../../server/store/event-store.ts';
import { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { DEFAULT_OUTPUT } from '../../shared/report.ts';
import { aBatch, anEvent, FILTER } from './events.ts';

/** Wait of the services after a write that failed. */
export const RETRY_MS = 20;

export const DONE: ReportOutcome = { kind: 'done', rows: 3, bytes: 5, sha256: 'ab', damage: [] };

/** A report that a process was started for. */
export interface Started {
  readonly task: ReportTask;
  readonly end: (outcome: ReportOutcome) => void;
  readonly advance: (advance: Omit<ReportAdvance, 'kind'>) => void;
  isKilled: boolean;
}

export interface OpenedService {
  readonly service: ReportService;
  readonly store: EventStore;
  readonly started: Started[];
}

interface Options {
  readonly store?: EventStore;
  readonly workers?: number;
  readonly ttlMs?: number;
  readonly now?: () => number;
  readonly retryMs?: number;
  /** Whether a process that is killed goes on until the test ends it. */
  readonly isSlowToDie?: boolean;
}

/** A service whose processes do nothing but what a test says; it goes when the test ends. */
export async function openService(folder: string, options: Options = {}): Promise<OpenedService> {
  const store = options.store ?? (await openEmptyStore(folder));
  const reports = path.join(folder, 'reports');
  await mkdir(reports, { recursive: true });
  const started: Started[] = [];
  const service = await ReportService.open({
    store,
    jobs: await ReportJobs.open(jobsFile(folder)),
    catalog: await loadCatalog(undefined),
    folder: reports,
    workers: options.workers ?? 2,
    ttlMs: options.ttlMs,
    start: (task, onAdvance) => {
      let end = (_outcome: ReportOutcome): void => undefined;
      const outcome = new Promise<ReportOutcome>((resolve) => {
        end = resolve;
      });
      const advance: Started['advance'] = (told) => onAdvance({ kind: 'progress', ...told });
      const report: Started = { task, end, advance, isKilled: false };
      started.push(report);
      const kill = (): void => {
        report.isKilled = true;
        if (options.isSlowToDie !== true) end({ kind: 'failed', reason: 'killed' });
      };
      return { outcome, kill };
    },
    now: options.now ?? Date.now,
    logger: pino({ level: 'silent' }),
    retryMs: options.retryMs ?? RETRY_MS,
  });
  service.begin();
  onTestFinished(() => service.close());
  return { service, store, started };
}

export async function openEmptyStore(folder: string): Promise<EventStore> {
  const store = await SegmentEventStore.open(path.join(folder, randomUUID()), 0);
  onTestFinished(() => store.close());
  return store;
}

/** Moves a store's position on by one. */
export async function addBatch(store: EventStore): Promise<void> {
  const { identity, contents } = aBatch([anEvent()]);
  await store.append(identity, () => contents);
}

/** A request for another report than those of other numbers. */
export function requestOf(number: number): ReportRequest {
  return { filter: { ...FILTER, start: number }, output: DEFAULT_OUTPUT };
}

/** Has the process of a report leave its file and say so. */
export async function finish(started: Started | undefined, contents = 'whole'): Promise<void> {
  await writeFile(started?.task.path ?? '', contents);
  started?.end(DONE);
}

export function jobsFile(folder: string): string {
  return path.join(folder, 'jobs.json');
}

/** A job as the jobs' file has it. */
export function aJob(changes: Partial<ReportJob> = {}): ReportJob {
  return {
    job: randomUUID(),
    status: 'RUNNING',
    filter: FILTER,
    output: DEFAULT_OUTPUT,
    userId: 'ann',
    position: 0,
    startMs: Date.now(),
    ...changes,
  };
}

/** Makes a jobs' file that can't be written; returns what mends that. */
export async function blockJobs(folder: string): Promise<() => Promise<void>> {
  // The new contents would be written here.
  const obstacle = `${jobsFile(folder)}.tmp`;
  await mkdir(obstacle);
  return () => rmdir(obstacle);
}
