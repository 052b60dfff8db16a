/** Why rows are not all written yet. */
export const DONE: i32 = 0;
/** The next row may not fit in. */
export const FULL: i32 = 1;
/** The next row is not of the form in which this engine writes rows: it has to be parsed. */
export const UNKNOWN_FORM: i32 = 2;
/** Of the next row's type no layout is known. */
export const UNKNOWN_TYPE: i32 = 3;

/** How far the rows are written. */
export class Progress {
  /** Where the next row begins. */
  static at: usize = 0;
  /** Where what was written ends. */
  static to: usize = 0;
  /** Rows so far. */
  static rows: u32 = 0;
  /** How many columns `context1`, … the rows so far take; from where those are more than there are nothing is written. */
  static neededExtra: u32 = 0;
}

/** Begins to count anew. */
export function beginProgress(): void {
  Progress.rows = 0;
  Progress.neededExtra = 0;
}
