import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

/** How much of what a program printed is kept for error messages. */
const KEPT_CHARACTERS = 4000;
/** Helper processes need a moment to let go of the profile. */
const RELEASE_MS = 400;

/** A program in a process group of its own, which ends with this process, however this one ends. */
export class ProcessGroup {
  readonly #name: string;
  readonly #leader: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #watchdog: ChildProcess | undefined;
  #printed = '';
  #hasExited = false;

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#name = program;
    this.#leader = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#exited = new Promise((resolve) => {
      const end = (why: unknown): void => {
        this.#hasExited = true;
        this.#keep(`(ended: ${String(why)})`);
        resolve();
      };
      this.#leader.once('error', end);
      this.#leader.once('exit', (code, signal) => end(signal ?? code));
    });
    for (const stream of [this.#leader.stdout, this.#leader.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => this.#keep(text));
    if (this.#leader.pid !== undefined) this.#watchdog = watch(this.#leader.pid);
  }

  /**
   * Waits until the program prints this, and returns the first group of the match.
   *
   * @throws {Error} If it ends or the time is up before, with what it printed last.
   */
  async waitForOutput(pattern: RegExp, timeoutMs: number): Promise<string> {
    return this.waitFor(`it to print ${pattern}`, timeoutMs, () =>
      Promise.resolve(pattern.exec(this.#printed)?.[1]),
    );
  }

  /**
   * Asks again and again until there is an answer.
   *
   * @throws {Error} If the program ends or the time is up before, with what it printed last.
   */
  async waitFor<T>(what: string, timeoutMs: number, ask: () => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (this.#hasExited || Date.now() > end) {
        throw new Error(
          `waited in vain for ${what}; ${this.#name} printed last:\n${this.#printed || '(nothing)'}`,
        );
      }
      await delay(30);
    }
  }

  /** Resolves with whether the program ended by itself in this time. */
  async waitForExit(timeoutMs: number): Promise<boolean> {
    await Promise.race([this.#exited, delay(timeoutMs, undefined, { ref: false })]);
    return this.#hasExited;
  }

  /** SIGKILL for the whole group; resolves when nothing of it is left, or nearly so. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
    const end = Date.now() + RELEASE_MS;
    while (this.#signal(0) && Date.now() < end) await delay(20);
    // Only now: were this process to end earlier, the group would outlive it.
    this.#watchdog?.kill('SIGKILL');
  }

  /** Returns whether the group has a process. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    if (this.#leader.pid === undefined) return false;
    try {
      return process.kill(-this.#leader.pid, signal);
    } catch {
      // Nothing is left of it.
      return false;
    }
  }

  #keep(text: string): void {
    this.#printed = (this.#printed + text).slice(-KEPT_CHARACTERS);
  }
}

/**
 * Starts what kills the group when this process is gone: a test runner kills its workers with signals that run no
 * handler here, but every end closes the pipe that the watchdog reads.
 */
function watch(group: number): ChildProcess {
  const watchdog = spawn('sh', ['-c', `read -r line; kill -s KILL -- -${group}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  return watchdog;
}
