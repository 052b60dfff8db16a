import { fork, type ChildProcess } from 'node:child_process';
import { isRecord } from '../../shared/text.ts';
import { systemCode } from '../errors.ts';
import type { ReportAdvance, ReportAnswer, ReportTask } from './report-task.ts';

export type ReportOutcome = ReportAnswer | { readonly kind: 'timeout' };

/** The system's where it needs memory, and Node's own where its heap is full. */
const MEMORY_SIGNALS: ReadonlySet<string> = new Set(['SIGKILL', 'SIGABRT']);

/** A report that is being made by another process. */
export interface ReportProcess {
  /** Settles when the process has ended, and never rejects. */
  readonly outcome: Promise<ReportOutcome>;
  /** Ends the process at once. */
  kill(): void;
}

/**
 * Starts a process that makes one report.
 *
 * @param modulePath - The built entry, `report-child.js`.
 * @param timeoutMs - After which it is killed.
 * @param onAdvance - Told how far it is, several times a second.
 */
export function startReportProcess(
  modulePath: string,
  task: ReportTask,
  timeoutMs: number,
  onAdvance: (advance: ReportAdvance) => void = () => undefined,
): ReportProcess {
  let child: ChildProcess;
  try {
    child = fork(modulePath, [], {
      serialization: 'advanced',
      // The server's are for the server.
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  } catch (error) {
    return { outcome: Promise.resolve(notStarted(error)), kill: () => undefined };
  }
  let answer: ReportOutcome | undefined;
  const timer = setTimeout(() => {
    answer ??= { kind: 'timeout' };
    child.kill('SIGKILL');
  }, timeoutMs);
  const outcome = new Promise<ReportOutcome>((resolve) => {
    child.on('message', (message) => {
      if (isAnswer(message)) answer ??= message;
      else if (isAdvance(message)) onAdvance(message);
    });
    child.once('error', (error) => {
      answer ??= notStarted(error);
      child.kill('SIGKILL');
      // A process that could not be started has no end to wait for.
      if (child.pid === undefined) resolve(answer);
    });
    child.once('exit', (code, signal) => {
      resolve(answer ?? { kind: 'failed', reason: endOf(code, signal) });
    });
  }).finally(() => clearTimeout(timer));
  // Without a process there is no channel; the event above says why.
  if (child.connected) {
    child.send(task, (error) => {
      // The end of the process says the same, and more.
      if (error !== null) child.kill('SIGKILL');
    });
  }
  return { outcome, kill: () => child.kill('SIGKILL') };
}

/** Why there is no answer. */
function endOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === null) return `the report's process ended with code ${code}: ask for it again`;
  if (!MEMORY_SIGNALS.has(signal)) return `the report's process was ended by ${signal}: ask for it again`;
  return (
    `the report's process was ended by ${signal}, as happens where memory runs out: ` +
    'have the operator look for that, then ask for it again or for a shorter time range'
  );
}

function notStarted(error: unknown): ReportOutcome {
  const reason = systemCode(error) ?? 'unknown error';
  return {
    kind: 'failed',
    reason: `the report's process could not be started (${reason}): ask for it again`,
  };
}

function isAnswer(message: unknown): message is ReportAnswer {
  return isRecord(message) && (message['kind'] === 'done' || message['kind'] === 'failed');
}

function isAdvance(message: unknown): message is ReportAdvance {
  return isRecord(message) && message['kind'] === 'progress';
}
