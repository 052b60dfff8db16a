import type { ReportOutput } from './report.ts';

// A leading apostrophe is guarded as well, so that removing one restores every value.
const FORMULA_START = /^[=+\-@\t\r\n\0']/;

/**
 * One field of a CSV row (RFC 4180, with any one-character delimiter).
 *
 * Null is an empty field; the empty string is `""`, so that the two can be told apart.
 */
export function csvField(value: string | null, output: ReportOutput): string {
  if (value === null) return '';
  if (value === '') return '""';
  const guarded = output.guard && FORMULA_START.test(value) ? `'${value}` : value;
  return needsQuotes(guarded, output.delimiter) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** One row, ended by LF. */
export function csvRow(values: readonly (string | null)[], output: ReportOutput): string {
  let row = '';
  for (let index = 0; index < values.length; index++) {
    if (index > 0) row += output.delimiter;
    row += csvField(values[index] ?? null, output);
  }
  return `${row}\n`;
}

function needsQuotes(value: string, delimiter: string): boolean {
  return value.includes(delimiter) || value.includes('"') || value.includes('\n') || value.includes('\r');
}
