import { isRecord } from '../../shared/text.ts';
import { startChildTask, type ChildOutcome } from '../child-task.ts';
import type { ReportAnswer, ReportTask } from './report-task.ts';

export type ReportOutcome = ReportAnswer | { readonly kind: 'timeout' };

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
 */
export function startReportProcess(modulePath: string, task: ReportTask, timeoutMs: number): ReportProcess {
  const child = startChildTask(modulePath, task, timeoutMs);
  return { outcome: child.outcome.then(toReportOutcome), kill: () => child.kill() };
}

function toReportOutcome(outcome: ChildOutcome): ReportOutcome {
  switch (outcome.kind) {
    case 'timeout':
      return outcome;
    case 'ended':
      return { kind: 'failed', reason: `the report's process ${outcome.reason}: ask for it again` };
    case 'answer':
      return isAnswer(outcome.message)
        ? outcome.message
        : { kind: 'failed', reason: "the report's process gave no answer: ask for it again" };
  }
}

function isAnswer(message: unknown): message is ReportAnswer {
  return isRecord(message) && (message['kind'] === 'done' || message['kind'] === 'failed');
}
