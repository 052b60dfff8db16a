/** Requests that wait for a job at the same time; others are answered at once. */
const MAX_WAITS = 200;

/** Who waits for jobs to end. */
export class EndWaits {
  readonly #waits = new Map<string, Set<() => void>>();
  #count = 0;
  #isClosed = false;

  /**
   * Waits for a job, named by its UUID, that has not ended; resolves when it has, when time is up, when `signal`
   * is aborted, or at once if too many wait.
   *
   * @returns Whether it has waited.
   */
  async wait(job: string, ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#isClosed || this.#count >= MAX_WAITS || signal.aborted) return false;
    this.#count++;
    const waits = this.#waits.get(job) ?? new Set();
    this.#waits.set(job, waits);
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        waits.delete(end);
        if (waits.size === 0) this.#waits.delete(job);
        this.#count--;
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      waits.add(end);
    });
    return true;
  }

  /** Says that a job has ended, or is gone. */
  end(job: string): void {
    for (const end of this.#waits.get(job) ?? []) end();
  }

  /** Ends all waits, also those to come. */
  close(): void {
    this.#isClosed = true;
    for (const job of this.#waits.keys()) this.end(job);
  }
}
