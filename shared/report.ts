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

/** Columns that are written only if they are asked for: what was stored beside an event. */
export const EXTRA_COLUMNS = ['version', 'received', 'skew', 'batch', 'sequence'] as const;

export type ExtraColumn = (typeof EXTRA_COLUMNS)[number];

/** How the rows are written. */
export interface ReportOutput {
  /** Rows of fields (RFC 4180), or an event as JSON on each line. */
  readonly format: 'csv' | 'ndjson';
  /** One character between fields. */
  readonly delimiter: string;
  /** Whether the first row names the columns. */
  readonly header: boolean;
  /** Whether values that a spreadsheet would take for a formula get a `'` in front. */
  readonly guard: boolean;
  /** Of the whole file; null for none. */
  readonly compression: 'gzip' | null;
  /** Behind the others, in this order. */
  readonly columns: readonly ExtraColumn[];
  /** Whether damaged data is left out of the report; otherwise the report fails. */
  readonly partial: boolean;
}

export const DEFAULT_OUTPUT: ReportOutput = Object.freeze({
  format: 'csv',
  delimiter: '|',
  header: true,
  guard: true,
  compression: null,
  columns: [],
  partial: false,
});

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

/** How far a report is, and what has come of it. */
export interface ReportProgress extends ReportStatus {
  readonly progress: {
    /** Bytes of the store that have been read for it. */
    readonly scanned: number;
    /** Bytes of the store that have to be read; 0 while that is not known. */
    readonly total: number;
    /** How much of the work is done, from 0 to 1. */
    readonly share: number;
    /** Rows found so far. */
    readonly rows: number;
    /** When it is expected to end, in milliseconds since the Unix epoch; null if that can't be told. */
    readonly expectedEnd: number | null;
  };
  readonly output: ReportOutput & ReportFacts;
  /** When the result is removed, in milliseconds since the Unix epoch; null while there is none, or if it stays. */
  readonly expires: number | null;
  /** Why it is FAILED or TIMEOUT: a sentence that a person can act on. */
  readonly error?: string;
}

/** What is known of a report that is COMPLETE; null of any other. */
export interface ReportFacts {
  /** Size of the file. */
  readonly bytes: number | null;
  readonly rows: number | null;
  /** Of the file, in hex. */
  readonly sha256: string | null;
}

export interface ReportLink {
  readonly link: string;
}
