/** A report that is made: whoever has it reads it once. */
export interface MadeReport {
  /** Null if it is not known, as of reports of older servers. */
  readonly rows: number | null;
  /** Of the file, in hex; null likewise. */
  readonly sha256: string | null;
  /** Size of the file; null likewise. */
  readonly bytes: number | null;
  /** The bytes of the file. */
  readonly read: () => AsyncIterable<Uint8Array>;
}

/** How far a report is. */
export interface ReportAdvance {
  /** From 0 to 1; null if that is not known. */
  readonly share: number | null;
  readonly rows: number | null;
  /** In milliseconds since the Unix epoch; null likewise. */
  readonly expectedEnd: number | null;
}

export interface ReportWatcher {
  /** Ends the waiting, and the making with it. */
  readonly signal: AbortSignal;
  readonly onAdvance: (advance: ReportAdvance) => void;
}

/**
 * Has a report made, hands it over, and tidies up, whatever becomes of it.
 *
 * @param request - The body of a `POST /reports`.
 * @throws Error in words for the person at the terminal.
 */
export type WithReport = <Result>(
  request: unknown,
  watcher: ReportWatcher,
  use: (report: MadeReport) => Promise<Result>,
) => Promise<Result>;
