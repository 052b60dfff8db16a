import {
  DEFAULT_OUTPUT,
  type ReportFilter,
  type ReportOutput,
  type ReportState,
  type ReportStatus,
} from '../../shared/report.ts';
import { isRecord } from '../../shared/text.ts';
import { MetadataFile } from '../metadata-file.ts';

/** What is kept of how a job ended. */
interface EndFacts {
  readonly endMs?: number;
  /** Why it is FAILED or TIMEOUT: a sentence that a person can act on. */
  readonly error?: string;
  /** When the snapshot was taken that it was made from: events that were erased before are not in it. */
  readonly readMs?: number;
  /** Of one that is COMPLETE. */
  readonly rows?: number | undefined;
  /** Size of its file. */
  readonly bytes?: number | undefined;
  /** Of its file, in hex. */
  readonly sha256?: string | undefined;
}

/** A report that was asked for, and what has become of it. */
export interface ReportJob extends EndFacts {
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
  /** When its file expired, if that was removed for it. */
  readonly expiredMs?: number;
}

/** How a job ended, and when. */
export interface JobEnding extends EndFacts {
  readonly status: Exclude<ReportState, 'RUNNING'>;
  readonly endMs: number;
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
   * @param isSharing - Which of the others are made together with it, and so get its position.
   */
  async add(job: ReportJob, maxFinished: number, isSharing: (other: ReportJob) => boolean): Promise<void> {
    const { position } = job;
    await this.#file.change((jobs) => {
      let surplus = jobs.filter(({ status }) => status !== 'RUNNING').length - maxFinished;
      const kept = jobs
        .filter(({ status }) => status === 'RUNNING' || surplus-- <= 0)
        .map((other) => (other.position < position && isSharing(other) ? { ...other, position } : other));
      return [...kept, job];
    });
  }

  /** Forgets a job, named by its UUID; resolves when that is durable. */
  async remove(job: string): Promise<void> {
    await this.#file.change((jobs) => jobs.filter((other) => other.job !== job));
  }

  /** Notes when files have expired, by the UUIDs of their jobs; resolves when that is durable. */
  async expire(times: ReadonlyMap<string, number>): Promise<void> {
    await this.#file.change((jobs) =>
      jobs.map((job) => {
        const expiredMs = times.get(job.job);
        return expiredMs === undefined ? job : { ...job, expiredMs };
      }),
    );
  }

  /** Ends jobs, named by their UUIDs; resolves when that is durable. */
  async end(endings: ReadonlyMap<string, JobEnding>): Promise<void> {
    await this.#file.change((jobs) => jobs.map((job) => ({ ...job, ...endings.get(job.job) })));
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
    if (!isJob(item))
      throw new Error('a job must have job, status, filter, output, userId, position and startMs');
    // One of an older version has fewer fields.
    return { ...item, output: { ...DEFAULT_OUTPUT, ...item.output } };
  });
}

/** The file is ours; this tells a job from anything that an editor may have left in its place. */
function isJob(value: unknown): value is ReportJob {
  return (
    isRecord(value) &&
    typeof value['job'] === 'string' &&
    typeof value['status'] === 'string' &&
    typeof value['startMs'] === 'number' &&
    typeof value['userId'] === 'string' &&
    typeof value['position'] === 'number' &&
    isRecord(value['filter']) &&
    isRecord(value['output'])
  );
}
