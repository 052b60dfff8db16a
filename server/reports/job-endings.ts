import type { Logger } from 'pino';
import type { JobEnding, ReportJobs } from './report-jobs.ts';
import type { ReportOutcome } from './report-process.ts';

/** So often an ending is tried to be recorded before anybody is told another one. */
const MAX_ATTEMPTS = 12;

/** How the endings of jobs become durable, and which ones may be told before they are. */
export class JobEndings {
  readonly #jobs: ReportJobs;
  readonly #retryMs: number;
  readonly #logger: Logger;
  /** Told, and perhaps not durable yet. */
  readonly #told = new Map<string, JobEnding>();
  #isRecording = false;
  #isClosed = false;

  /** @param retryMs - Wait after a write that failed. */
  constructor(jobs: ReportJobs, retryMs: number, logger: Logger) {
    this.#jobs = jobs;
    this.#retryMs = retryMs;
    this.#logger = logger;
  }

  /** An ending that counts although the jobs' file may not have it. */
  of(job: string): JobEnding | undefined {
    return this.#told.get(job);
  }

  /**
   * Records an ending, trying for a minute or so; nobody is told of it before that.
   *
   * @param isOff - Whether it need not be recorded any more; asked before each attempt.
   * @returns Whether it is durable.
   */
  async record(job: string, ending: JobEnding, isOff: () => boolean): Promise<boolean> {
    for (let attempt = 1; !this.#isClosed && !isOff(); attempt++) {
      try {
        await this.#jobs.end(new Map([[job, ending]]));
        return true;
      } catch (error) {
        if (attempt === 1) this.#logFailure(error);
        if (attempt === MAX_ATTEMPTS) return false;
      }
      await this.pause();
    }
    return false;
  }

  /** Has an ending told from now on, and recorded as soon as that is possible: one to which a start would come as well. */
  tell(job: string, ending: JobEnding): void {
    this.#told.set(job, ending);
    if (!this.#isRecording) void this.#recordTold();
  }

  /** The wait between attempts; keeps no process alive. */
  pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#retryMs).unref());
  }

  /** Tries what was told once more; resolves when nothing is being written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // The next start comes to the same.
    if (this.#told.size > 0) await this.#jobs.end(new Map(this.#told)).catch(() => undefined);
    await this.#jobs.settled();
  }

  async #recordTold(): Promise<void> {
    this.#isRecording = true;
    for (let attempt = 1; this.#told.size > 0 && !this.#isClosed; attempt++) {
      const endings = new Map(this.#told);
      try {
        await this.#jobs.end(endings);
        attempt = 0;
        for (const [job, ending] of endings) if (this.#told.get(job) === ending) this.#told.delete(job);
      } catch (error) {
        if (attempt === 1) this.#logFailure(error);
        await this.pause();
      }
    }
    this.#isRecording = false;
  }

  #logFailure(error: unknown): void {
    this.#logger.error({ err: error }, 'the end of a report could not be recorded: it is tried again');
  }
}

/**
 * That a job has failed.
 *
 * @param error - A sentence that a person can act on.
 */
export function failure(error: string, endMs: number): JobEnding {
  return { status: 'FAILED', endMs, error };
}

/** What the end of a report's process comes to. */
export function endingOf(outcome: ReportOutcome, endMs: number): JobEnding {
  switch (outcome.kind) {
    case 'done': {
      const { rows, bytes, sha256 } = outcome;
      return { status: 'COMPLETE', endMs, rows, bytes, sha256 };
    }
    case 'timeout':
      return {
        status: 'TIMEOUT',
        endMs,
        error: 'the report took longer than this server allows: ask for a shorter time range',
      };
    case 'failed':
      return failure(outcome.reason, endMs);
  }
}
