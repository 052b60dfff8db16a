import type { ReportFilter, ReportOutput, ReportState, ReportStatus } from '../../shared/report.ts';
import { isRecord } from '../../shared/text.ts';
import { MetadataFile } from '../metadata-file.ts';

/** A report that was asked for, and what has become of it. */
export interface ReportJob {
  /** UUID. */
  readonly job: string;
  readonly status: ReportState;
  readonly filter: ReportFilter;
  readonly output: ReportOutput;
  /** Who asked for it. */
  readonly userId: string;
  /** The newest batch that it may hold. */
  readonly position: number;
  readonly startMs: number;
  readonly endMs?: number;
  /** Why it is FAILED or TIMEOUT: a sentence that a person can act on. */
  readonly error?: string;
  /** Of the file of one that is COMPLETE, if it was made by a version that kept them. */
  readonly rows?: number;
  readonly bytes?: number;
  /** In hex. */
  readonly sha256?: string;
}

/** How a job ended, and when. */
export interface JobEnding {
  readonly status: Exclude<ReportState, 'RUNNING'>;
  readonly endMs: number;
  readonly error?: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly sha256?: string;
}

/** The job's public name. */
export function sourceOf(job: ReportJob): string {
  return `JOB-${job.job}`;
}

/** The public state of a job, in the order of keys that existing clients need. */
export function statusOf(job: ReportJob): ReportStatus {
  const { filter, startMs, endMs } = job;
  const day = new Date(startMs).toISOString().slice(0, 10);
  return {
    job: job.job,
    source: sourceOf(job),
    status: job.status,
    filter,
    timing: endMs === undefined ? { day, start: startMs } : { day, start: startMs, end: endMs },
  };
}

/** All jobs, in one metadata file, oldest first; the file has no other owner. */
export class ReportJobs {
  readonly #file: MetadataFile<readonly ReportJob[]>;

  private constructor(file: MetadataFile<readonly ReportJob[]>) {
    this.#file = file;
  }

  static async open(path: string): Promise<ReportJobs> {
    return new ReportJobs(await MetadataFile.open<readonly ReportJob[]>(path, [], parseJobs));
  }

  /** All that are durable, as they are in the file. */
  list(): readonly ReportJob[] {
    return this.#file.data;
  }

  find(source: string): ReportJob | undefined {
    return this.#file.data.find((job) => sourceOf(job) === source);
  }

  /**
   * Adds a job; resolves when it is durable.
   *
   * @param maxFinished - The oldest finished jobs beyond this many are forgotten.
   */
  async add(job: ReportJob, maxFinished: number): Promise<void> {
    await this.#file.change((jobs) => {
      let surplus = jobs.filter(({ status }) => status !== 'RUNNING').length - maxFinished;
      return [...jobs.filter(({ status }) => status === 'RUNNING' || surplus-- <= 0), job];
    });
  }

  /** Ends jobs, named by their UUIDs; resolves when that is durable. */
  async end(endings: ReadonlyMap<string, JobEnding>): Promise<void> {
    await this.#file.change((jobs) => jobs.map((job) => ({ ...job, ...endings.get(job.job) })));
  }

  /** Forgets a job, named by its UUID; resolves when that is durable. */
  async remove(job: string): Promise<void> {
    await this.#file.change((jobs) => jobs.filter((kept) => kept.job !== job));
  }

  /** Resolves when nothing is being written. */
  settled(): Promise<void> {
    return this.#file.settled();
  }
}

function parseJobs(value: unknown): readonly ReportJob[] {
  if (!Array.isArray(value)) throw new Error('it must be an array of jobs');
  const items: readonly unknown[] = value;
  return items.map((item) => {
    if (!isJob(item)) throw new Error('a job must have job, status, filter, output and startMs');
    return item;
  });
}

/** The file is ours; this tells a job from anything that an editor may have left in its place. */
function isJob(value: unknown): value is ReportJob {
  return (
    isRecord(value) &&
    typeof value['job'] === 'string' &&
    typeof value['status'] === 'string' &&
    typeof value['startMs'] === 'number' &&
    isRecord(value['filter']) &&
    isRecord(value['output'])
  );
}
