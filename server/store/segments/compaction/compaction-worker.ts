import { fork, type ChildProcess } from 'node:child_process';
import { systemCode } from '../../../errors.ts';

/** A process that carries out tasks, one at a time. */
export interface CompactionWorker {
  readonly isAlive: boolean;
  /**
   * Sends it a task; resolves with what it answers.
   *
   * @throws Error that says how it ended, if it did.
   */
  ask(task: object): Promise<unknown>;
  /** Lets this process end without it. */
  rest(): void;
  kill(): void;
}

/** It does one thing after the other, and has no work for threads of its own: a tenth less CPU. */
const NODE_OPTIONS = ['--single-threaded'];

/** @param modulePath - The built entry. It ends by itself when its channel closes. */
export function startWorker(modulePath: string): CompactionWorker {
  const child = fork(modulePath, [], {
    serialization: 'advanced',
    execArgv: NODE_OPTIONS,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let ending: Error | undefined;
  const ended = new Promise<never>((_, reject) => {
    const end = (reason: string): void => {
      ending ??= new Error(`its process ${reason}`);
      reject(ending);
    };
    child.on('error', (error) => end(`could not be started (${systemCode(error) ?? 'unknown error'})`));
    child.once('exit', (code, signal) =>
      end(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    );
  });
  // Nobody may be waiting when it ends.
  ended.catch(() => undefined);
  return {
    get isAlive() {
      return ending === undefined && child.connected;
    },
    ask: (task) => {
      // Without a process there is no channel, and its end says why.
      if (!child.connected) return ended;
      child.ref();
      child.channel?.ref();
      return Promise.race([answer(child, task), ended]);
    },
    rest: () => {
      child.unref();
      child.channel?.unref();
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function answer(child: ChildProcess, task: object): Promise<unknown> {
  return new Promise((resolve) => {
    child.once('message', resolve);
    child.send(task, (error) => {
      // Its end says the same, and more.
      if (error !== null) child.kill('SIGKILL');
    });
  });
}
