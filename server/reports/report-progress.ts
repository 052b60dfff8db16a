import type { ReportProgress } from '../../shared/report.ts';
import { type ReportJob, statusOf } from './report-jobs.ts';
import type { ReportAdvance } from './report-task.ts';

/** How far a report is that is being made. */
export interface MakingAdvance {
  /** When it was begun, in milliseconds since the Unix epoch. */
  readonly sinceMs: number;
  /** Undefined before its process has said anything. */
  readonly advance: ReportAdvance | undefined;
}

/**
 * How far a job is, and what has come of it: first what its status has, in the same order of keys.
 *
 * @param making - Undefined if it is not being made.
 * @param expiryMs - When its file goes; undefined if it has none, or stays.
 */
export function progressOf(
  job: ReportJob,
  making: MakingAdvance | undefined,
  expiryMs: number | undefined,
  nowMs: number,
): ReportProgress {
  const { status, output, error } = job;
  const isComplete = status === 'COMPLETE';
  const { rows = null, bytes = null, sha256 = null } = isComplete ? job : {};
  return {
    ...statusOf(job),
    progress: isComplete
      ? { scanned: 0, total: 0, share: 1, rows: rows ?? 0, expectedEnd: null }
      : advanceOf(making, nowMs),
    output: { ...output, bytes, rows, sha256 },
    expires: expiryMs ?? null,
    ...(error === undefined ? {} : { error }),
  };
}

function advanceOf(making: MakingAdvance | undefined, nowMs: number): ReportProgress['progress'] {
  const { scanned = 0, total = 0, rows = 0 } = making?.advance ?? {};
  const share = total > 0 ? Math.min(1, scanned / total) : 0;
  if (making === undefined || share === 0) return { scanned, total, share, rows, expectedEnd: null };
  // A clock that was set back meanwhile tells nothing.
  const elapsedMs = Math.max(0, nowMs - making.sinceMs);
  return { scanned, total, share, rows, expectedEnd: Math.round(nowMs + elapsedMs / share - elapsedMs) };
}
