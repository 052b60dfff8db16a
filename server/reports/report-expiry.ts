import type { ReportFiles } from './report-files.ts';
import type { ReportJob, ReportJobs } from './report-jobs.ts';

const SWEEP_MS = 3_600_000;

/** For how long the files of finished reports are kept. */
export class ReportExpiry {
  readonly #jobs: ReportJobs;
  readonly #files: ReportFiles;
  readonly #ttlMs: number | undefined;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  /** @param ttlMs - How long after its end the file of a report goes; undefined for never. */
  constructor(jobs: ReportJobs, files: ReportFiles, ttlMs: number | undefined, now: () => number) {
    this.#jobs = jobs;
    this.#files = files;
    this.#ttlMs = ttlMs;
    this.#now = now;
  }

  /** When the file of a job goes, or has gone, in milliseconds since the Unix epoch; undefined if it has none, or stays. */
  expiryOf({ status, endMs, expiredMs }: ReportJob): number | undefined {
    if (status !== 'COMPLETE' || endMs === undefined) return undefined;
    return expiredMs ?? (this.#ttlMs === undefined ? undefined : endMs + this.#ttlMs);
  }

  /** Whether the file of a job is not to be had any more. */
  hasExpired(job: ReportJob): boolean {
    // Also if the setting or the clock has changed since: the file is gone.
    if (job.expiredMs !== undefined) return true;
    const expiryMs = this.expiryOf(job);
    return expiryMs !== undefined && expiryMs <= this.#now();
  }

  /** Removes what has expired, now and every hour; the timer keeps no process alive. */
  open(): void {
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS).unref();
    void this.sweep();
  }

  /**
   * Removes the files that have expired, and notes it. Never rejects: a file that can't go, or a note that can't be
   * written, has its turn with the next sweep.
   */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#removeExpired().finally(() => (this.#sweeping = undefined));
    return this.#sweeping;
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  async #removeExpired(): Promise<void> {
    const expired = this.#jobs.list().filter((job) => job.expiredMs === undefined && this.hasExpired(job));
    const times = new Map<string, number>();
    for (const job of expired) {
      const expiryMs = this.expiryOf(job);
      if (expiryMs !== undefined && (await this.#files.removeForgotten([job]))) times.set(job.job, expiryMs);
    }
    // Without the note they have expired all the same, by the clock.
    if (times.size > 0) await this.#jobs.expire(times).catch(() => undefined);
  }
}
