import type { ReportState } from '../../shared/report.ts';
import { isRecord } from '../../shared/text.ts';
import type { TrackedReport } from '../../shared/tracked-report.ts';

const STATES: readonly ReportState[] = ['RUNNING', 'COMPLETE', 'TIMEOUT', 'FAILED'];

/**
 * What an answer says of a report: a ReportProgress, or a ReportStatus, which says less.
 *
 * @param answer - As it came, of unknown shape.
 * @throws Error in words for the person at the terminal if it is neither.
 */
export function parseTrackedReport(answer: unknown): TrackedReport {
  const { source, status, progress, output, error } = isRecord(answer) ? answer : {};
  const state = STATES.find((known) => known === status);
  if (typeof source !== 'string' || state === undefined)
    throw new Error('the answer is not that of a Waybill server: see to the address');
  const seen = isRecord(progress) ? progress : {};
  const facts = isRecord(output) ? output : {};
  return {
    source,
    status: state,
    share: numberOf(seen['share']),
    rows: numberOf(facts['rows'] ?? seen['rows']),
    expectedEnd: numberOf(seen['expectedEnd']),
    bytes: numberOf(facts['bytes']),
    sha256: textOf(facts['sha256']),
    error: textOf(error),
  };
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
