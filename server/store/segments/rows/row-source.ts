/** Rows in their order: whole lines, and words' slack behind them. */
export interface RowWindow {
  readonly bytes: Buffer;
  /** Of the bytes. */
  readonly view: DataView;
  /** Where the first row begins. */
  readonly start: number;
  /** Behind the last row's newline; more than `start`. */
  readonly end: number;
  /** No row of the window is later. */
  readonly last: number;
}

/** Rows in the order of (timestamp, batch, sequence), some at a time. */
export interface RowSource {
  /** No row is earlier. */
  readonly from: number;
  /** The next rows, valid until they are asked for again; undefined at the end. */
  next(): Promise<RowWindow | undefined>;
}
