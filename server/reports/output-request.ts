import { DEFAULT_OUTPUT, EXTRA_COLUMNS, type ExtraColumn, type ReportOutput } from '../../shared/report.ts';
import { isRecord } from '../../shared/text.ts';

/** Told of each field that is wrong: its path, and what holds of it, such as `must be true or false`. */
export type Refuse = (path: string, rule: string) => void;

const FORMATS = ['csv', 'ndjson'] as const;
/** One character, also one of two UTF-16 units, that a row of fields can be split by. */
const DELIMITER = /^[^"\r\n\p{Surrogate}]$/u;

/**
 * Checks how the rows are to be written.
 *
 * Fields that are absent or null have their defaults; those that nobody knows are ignored, as existing clients send some.
 */
export function readOutput(value: unknown, refuse: Refuse): ReportOutput {
  if (value === undefined || value === null) return DEFAULT_OUTPUT;
  if (!isRecord(value)) {
    refuse('output', 'must be an object');
    return DEFAULT_OUTPUT;
  }
  const flag = (key: 'header' | 'guard' | 'partial'): boolean => {
    const given = value[key] ?? DEFAULT_OUTPUT[key];
    if (typeof given === 'boolean') return given;
    refuse(`output.${key}`, 'must be true or false');
    return DEFAULT_OUTPUT[key];
  };
  const compression = value['compression'] ?? null;
  if (compression !== null && compression !== 'gzip') refuse('output.compression', 'must be "gzip" or null');
  return {
    format: readFormat(value['format'], refuse),
    delimiter: readDelimiter(value['delimiter'], refuse),
    header: flag('header'),
    guard: flag('guard'),
    compression: compression === 'gzip' ? 'gzip' : null,
    columns: readColumns(value['columns'], refuse),
    partial: flag('partial'),
  };
}

function readFormat(value: unknown, refuse: Refuse): ReportOutput['format'] {
  const format = FORMATS.find((known) => known === (value ?? DEFAULT_OUTPUT.format));
  if (format === undefined) refuse('output.format', 'must be "csv" or "ndjson"');
  return format ?? DEFAULT_OUTPUT.format;
}

function readDelimiter(value: unknown, refuse: Refuse): string {
  const delimiter = value ?? DEFAULT_OUTPUT.delimiter;
  if (typeof delimiter === 'string' && DELIMITER.test(delimiter)) return delimiter;
  refuse('output.delimiter', 'must be one character, not a quote or a line break');
  return DEFAULT_OUTPUT.delimiter;
}

function readColumns(value: unknown, refuse: Refuse): readonly ExtraColumn[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > EXTRA_COLUMNS.length) {
    refuse('output.columns', `must be an array of at most ${EXTRA_COLUMNS.length} columns`);
    return [];
  }
  const items: readonly unknown[] = value;
  const columns: ExtraColumn[] = [];
  for (const [index, item] of items.entries()) {
    const column = EXTRA_COLUMNS.find((known) => known === item);
    if (column === undefined)
      refuse(`output.columns[${index}]`, `must be one of ${EXTRA_COLUMNS.join(', ')}`);
    else if (columns.includes(column)) refuse(`output.columns[${index}]`, 'is there already');
    else columns.push(column);
  }
  return columns;
}
