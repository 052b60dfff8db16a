import { fork, type ChildProcess } from 'node:child_process';
import { systemCode } from './errors.ts';

/** How a process that had one task ended; it answers at most once. */
export type ChildOutcome =
  | { readonly kind: 'answer'; readonly message: unknown }
  | { readonly kind: 'timeout' }
  /** Without an answer. `reason` is for people: "ended with code 1". */
  | { readonly kind: 'ended'; readonly reason: string };

export interface ChildTask {
  /** Settles when the process has ended, and never rejects. */
  readonly outcome: Promise<ChildOutcome>;
  readonly pid: number | undefined;
  /** Ends the process at once. */
  kill(): void;
}

/**
 * Starts a Node process for one task, which it gets as a message and answers by one.
 *
 * @param modulePath - The built entry. It ends by itself when its channel closes.
 * @param task - Anything that can be cloned.
 * @param timeoutMs - After which it is killed.
 * @param execArgv - Options of Node's.
 */
export function startChildTask(
  modulePath: string,
  task: object,
  timeoutMs: number,
  execArgv: readonly string[] = [],
): ChildTask {
  let child: ChildProcess;
  try {
    child = fork(modulePath, [], {
      serialization: 'advanced',
      execArgv: [...execArgv],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  } catch (error) {
    return { outcome: Promise.resolve(notStarted(error)), pid: undefined, kill: () => undefined };
  }
  let answer: ChildOutcome | undefined;
  const timer = setTimeout(() => {
    answer ??= { kind: 'timeout' };
    child.kill('SIGKILL');
  }, timeoutMs);
  const outcome = new Promise<ChildOutcome>((resolve) => {
    child.on('message', (message) => {
      answer ??= { kind: 'answer', message };
    });
    child.once('error', (error) => {
      answer ??= notStarted(error);
      child.kill('SIGKILL');
      // A process that could not be started has no end to wait for.
      if (child.pid === undefined) resolve(answer);
    });
    child.once('exit', (code, signal) => {
      const reason = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      resolve(answer ?? { kind: 'ended', reason });
    });
  }).finally(() => clearTimeout(timer));
  // Without a process there is no channel; the event above says why.
  if (child.connected) {
    child.send(task, (error) => {
      // The end of the process says the same, and more.
      if (error !== null) child.kill('SIGKILL');
    });
  }
  return { outcome, pid: child.pid, kill: () => child.kill('SIGKILL') };
}

function notStarted(error: unknown): ChildOutcome {
  return { kind: 'ended', reason: `could not be started (${systemCode(error) ?? 'unknown error'})` };
}
