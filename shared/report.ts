/** What a report is made of. Times are inclusive, in integer milliseconds since the Unix epoch. */
export interface ReportFilter {
  readonly customer: string;
  readonly product: string;
  /** Type codes; absent or empty means all. */
  readonly types?: readonly string[];
  /** Time of the first event to extract. */
  readonly start?: number;
  /** Time of the final event to extract. */
  readonly end?: number;
}

/** How the rows are written. */
export interface ReportOutput {
  /** One character between fields. */
  readonly delimiter: string;
  /** Whether the first row names the columns. */
  readonly header: boolean;
  /** Whether values that a spreadsheet would take for a formula get a `'` in front. */
  readonly guard: boolean;
}

export const DEFAULT_OUTPUT: ReportOutput = Object.freeze({ delimiter: '|', header: true, guard: true });

export type ReportState = 'RUNNING' | 'COMPLETE' | 'TIMEOUT' | 'FAILED';

/**
 * The public state of a report job.
 *
 * Existing clients read it with an order-dependent parser: exactly these keys, in exactly this order.
 */
export interface ReportStatus {
  readonly job: string;
  /** `JOB-` and the job's UUID; the report's name in every URL. */
  readonly source: string;
  /** A job that waits in line is `RUNNING` too. */
  readonly status: ReportState;
  readonly filter: ReportFilter;
  readonly timing: {
    /** `YYYY-MM-DD`, UTC, of the start. */
    readonly day: string;
    readonly start: number;
    readonly end?: number;
  };
}

export interface ReportLink {
  readonly link: string;
}
