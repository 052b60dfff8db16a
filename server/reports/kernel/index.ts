import { Progress } from './progress';
import { Row } from './row';

export { configureCsv, encodeCsv } from './csv';
export { configureNdjson, encodeNdjson } from './ndjson';
export { addType, clearTypes } from './types';

/** Where the next row begins. */
export function at(): usize {
  return Progress.at;
}

/** Where what was written ends. */
export function to(): usize {
  return Progress.to;
}

/** Rows so far. */
export function rows(): u32 {
  return Progress.rows;
}

/** How many columns `context1`, … the rows so far take. */
export function neededExtra(): u32 {
  return Progress.neededExtra;
}

/** Counts a row that was written by somebody else. */
export function countRow(needed: u32): void {
  Progress.rows++;
  if (needed > Progress.neededExtra) Progress.neededExtra = needed;
}

/** Where the newline of the row is that was last looked at. */
export function lineEnd(): usize {
  return Row.lineEnd;
}

/** Where the type of that row is, without its quotes. */
export function typeStart(): usize {
  return Row.typeStart;
}

/** Where the quote is that ends it. */
export function typeEnd(): usize {
  return Row.typeEnd;
}
