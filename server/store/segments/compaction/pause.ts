/** A wait that keeps no process from ending, and that is over as soon as a signal aborts. */
export class Pause {
  readonly #signal: AbortSignal;
  #end: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Resolves after so many milliseconds, or earlier: when `end` is called, or the signal aborts. */
  async wait(ms: number): Promise<void> {
    if (this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      timer.unref();
      this.#signal.addEventListener('abort', done);
      this.#end = done;
    });
  }

  end(): void {
    this.#end();
  }
}
