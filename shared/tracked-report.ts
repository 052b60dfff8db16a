import type { ReportState } from './report.ts';

/** How a report is doing, as far as whoever waits for it can be told. */
export interface TrackedReport {
  /** Its public name. */
  readonly source: string;
  readonly status: ReportState;
  /** How much of the work is done, from 0 to 1; null if that is not known. */
  readonly share: number | null;
  /** Rows so far; null if that is not known. */
  readonly rows: number | null;
  /** When it is expected to end, in milliseconds since the Unix epoch; null if that is not known. */
  readonly expectedEnd: number | null;
  /** Size of the file; null unless it is COMPLETE, and of reports of older versions. */
  readonly bytes: number | null;
  /** Of the file, in hex; null likewise. */
  readonly sha256: string | null;
  /** Why it is FAILED or TIMEOUT: a sentence that a person can act on; null otherwise. */
  readonly error: string | null;
}
