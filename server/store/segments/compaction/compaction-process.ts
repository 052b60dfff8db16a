import { isRecord } from '../../../../shared/text.ts';
import { startChildTask, type ChildOutcome } from '../../../child-task.ts';
import type { CompactionAnswer, CompactionRunner, CompactionTask } from './compaction-task.ts';

/** Sealing takes a second, and the largest merge some minutes of a slow machine. */
const TIMEOUT_MS = 3_600_000;

/** It does one thing after the other, and has no work for threads of its own: a tenth less CPU. */
const NODE_OPTIONS = ['--single-threaded'];

/**
 * Runs each task in a process of its own, of the lowest priority.
 *
 * @param modulePath - The built entry, `compaction-child.js`.
 */
export function compactionInProcess(modulePath: string): CompactionRunner {
  return async (task, signal) => {
    signal.throwIfAborted();
    const child = startChildTask(modulePath, task, TIMEOUT_MS, NODE_OPTIONS);
    const stop = (): void => child.kill();
    signal.addEventListener('abort', stop);
    try {
      return answerOf(await child.outcome, task);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };
}

function answerOf(outcome: ChildOutcome, task: CompactionTask): CompactionAnswer {
  if (outcome.kind === 'timeout') throw new Error('it took too long');
  if (outcome.kind === 'ended') throw new Error(`its process ${outcome.reason}`);
  const { message } = outcome;
  if (isAnswer(message, task.kind)) return message;
  const reason = isRecord(message) ? message['reason'] : undefined;
  throw new Error(typeof reason === 'string' ? reason : 'its process gave no answer');
}

function isAnswer(message: unknown, kind: CompactionTask['kind']): message is CompactionAnswer {
  if (!isRecord(message)) return false;
  return message['kind'] === kind || (kind === 'merge' && message['kind'] === 'unchanged');
}
