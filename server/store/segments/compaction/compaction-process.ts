import { isRecord } from '../../../../shared/text.ts';
import type { CompactionAnswer, CompactionRunner, CompactionTask } from './compaction-task.ts';
import { startWorker, type CompactionWorker } from './compaction-worker.ts';

/** Sealing takes a second, and the largest merge some minutes of a slow machine. */
const TIMEOUT_MS = 3_600_000;
/** How long a process waits for another task: what it has compiled by then makes that a third cheaper. */
const IDLE_MS = 10_000;

/**
 * Runs tasks, one after the other, in a process of their own, of the lowest priority; it ends when it has had
 * nothing to do for a while.
 *
 * @param modulePath - The built entry, `compaction-child.js`.
 */
export function compactionInProcess(modulePath: string): CompactionRunner {
  let idle: CompactionWorker | undefined;
  let timer: NodeJS.Timeout | undefined;

  function rest(worker: CompactionWorker): void {
    idle = worker;
    worker.rest();
    timer = setTimeout(() => {
      idle = undefined;
      worker.kill();
    }, IDLE_MS).unref();
  }

  return async (task, signal) => {
    signal.throwIfAborted();
    clearTimeout(timer);
    const worker = idle?.isAlive === true ? idle : startWorker(modulePath);
    idle = undefined;
    const stop = (): void => worker.kill();
    const deadline = setTimeout(stop, TIMEOUT_MS);
    signal.addEventListener('abort', stop);
    try {
      const message = await worker.ask(task);
      rest(worker);
      return answerOf(message, task);
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', stop);
    }
  };
}

function answerOf(message: unknown, task: CompactionTask): CompactionAnswer {
  if (isAnswer(message, task.kind)) return message;
  const reason = isRecord(message) ? message['reason'] : undefined;
  throw new Error(typeof reason === 'string' ? reason : 'its process gave no answer');
}

function isAnswer(message: unknown, kind: CompactionTask['kind']): message is CompactionAnswer {
  if (!isRecord(message)) return false;
  return message['kind'] === kind || (kind === 'merge' && message['kind'] === 'unchanged');
}
