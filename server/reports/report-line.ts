import type { ReportJob } from './report-jobs.ts';

interface Waiting {
  job: ReportJob;
  readonly key: string;
}

/** What two jobs have in common whose reports, at one position, are the same bytes. */
export function sharingKey({ filter, output }: Pick<ReportJob, 'filter' | 'output'>): string {
  const { types, ...rest } = filter;
  return JSON.stringify([rest, [...new Set(types)].toSorted(), output]);
}

/**
 * The jobs that wait for a process: users take turns, and of a user the oldest job comes first.
 *
 * Identical jobs at one position leave it together, since one process makes the report for all of them.
 */
export class ReportLine {
  /** Of each user that waits, the oldest first; whose turn it is comes first. */
  readonly #users = new Map<string, Waiting[]>();
  readonly #jobs = new Map<string, Waiting>();

  get size(): number {
    return this.#jobs.size;
  }

  /** @param job - Its UUID. */
  has(job: string): boolean {
    return this.#jobs.has(job);
  }

  /** How many of a user's jobs wait. */
  countOf(userId: string): number {
    return this.#users.get(userId)?.length ?? 0;
  }

  add(job: ReportJob): void {
    const waiting = { job, key: sharingKey(job) };
    const others = this.#users.get(job.userId);
    if (others === undefined) this.#users.set(job.userId, [waiting]);
    else others.push(waiting);
    this.#jobs.set(job.job, waiting);
  }

  /** Has all jobs of a key read up to a position at least. */
  raise(key: string, position: number): void {
    for (const waiting of this.#jobs.values()) {
      const { job } = waiting;
      if (waiting.key === key && job.position < position) waiting.job = { ...job, position };
    }
  }

  /** @returns Whether it was waiting. */
  remove(job: string): boolean {
    const waiting = this.#jobs.get(job);
    if (waiting === undefined) return false;
    this.#jobs.delete(job);
    const { userId } = waiting.job;
    const left = this.#users.get(userId)?.filter((other) => other !== waiting) ?? [];
    if (left.length === 0) this.#users.delete(userId);
    else this.#users.set(userId, left);
    return true;
  }

  /**
   * Takes the job whose turn it is, and behind it all that share its report; none if nobody may go.
   *
   * @param isHeld - Whether jobs of a key have to stay; others go in their place.
   */
  take(isHeld: (key: string) => boolean): readonly ReportJob[] {
    for (const [userId, waiting] of this.#users) {
      const first = waiting.find(({ key }) => !isHeld(key));
      if (first === undefined) continue;
      const { job, key } = first;
      const sharing = [...this.#jobs.values()].filter(
        (other) => other !== first && other.key === key && other.job.position === job.position,
      );
      for (const taken of [first, ...sharing]) this.remove(taken.job.job);
      this.#giveUpTurn(userId);
      return [job, ...sharing.map((other) => other.job)];
    }
    return [];
  }

  #giveUpTurn(userId: string): void {
    const left = this.#users.get(userId);
    if (left === undefined) return;
    this.#users.delete(userId);
    this.#users.set(userId, left);
  }
}
