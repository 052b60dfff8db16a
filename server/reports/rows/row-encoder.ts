/** Turns rows (`RowSink`) into what a report's file has of them, one at a time. */
export interface RowEncoder {
  /** What comes before all rows. */
  readonly head: string;

  /**
   * Looks at the row that begins at a place; `lineEnd`, `encode` and `encodePlain` are about it from then on.
   *
   * @param view - The rows' bytes, with `WORD_SLACK_BYTES` more behind `end`.
   * @param end - Where the rows end, behind a newline.
   */
  scan(view: DataView, start: number, end: number): void;

  /** Where the row's newline is. */
  readonly lineEnd: number;

  /** The most bytes that `encode` writes for a row of so many, and may write over behind them. */
  maxBytes(rowBytes: number): number;

  /**
   * Writes the row.
   *
   * @param view - The same as that of `scan`.
   * @param to - Has room for `maxBytes` from `at` on.
   * @returns Where it ends, or -1 if the row is not of the form in which this engine writes rows: `encodePlain` has
   *   to write it then.
   */
  encode(view: DataView, to: DataView, at: number): number;

  /** What `encode` has to write, by parsing the row: slow, and right for any JSON. */
  encodePlain(row: string): string;

  /** How many columns `context1`, … the rows so far take, to have a place for each of their values. */
  readonly neededExtra: number;
}
