import type { Row } from './run-scenario.ts';

const HEAD = [
  'scenario',
  'variant',
  'engine',
  'tracked',
  'delivered',
  'duplicates',
  'ledger',
  'seconds',
  'verdict',
];

/** Columns of numbers, which are aligned to the right. */
const NUMBERS = new Set(['tracked', 'delivered', 'duplicates', 'ledger', 'seconds']);

/** The results as a Markdown table, by scenario, and below it why something failed or could not be run. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map(cellsOf);
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string => {
    const padded = row.map((cell, column) =>
      isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => '-'.repeat(width - 1) + (isNumber(column) ? ':' : '-'));
  return `${[line(HEAD), line(rule), ...cells.map(line), ...reasonsOf(rows)].join('\n')}\n`;
}

function isNumber(column: number): boolean {
  return NUMBERS.has(HEAD[column] ?? '');
}

function cellsOf({ scenario, variant, engine, judgement, seconds, verdict }: Row): string[] {
  const counts = judgement
    ? [judgement.tracked, judgement.delivered, judgement.duplicates, judgement.ledger].map(String)
    : ['', '', '', ''];
  return [scenario, variant, engine, ...counts, judgement ? seconds.toFixed(1) : '', verdict];
}

/** A line for each reason, with all that it is the reason of. */
function reasonsOf(rows: readonly Row[]): string[] {
  const wheres = new Map<string, string[]>();
  for (const { scenario, variant, engine, verdict, reasons } of rows)
    for (const reason of reasons) {
      const text = `${verdict}: ${reason}`;
      wheres.set(text, [...(wheres.get(text) ?? []), `${scenario}/${variant} in ${engine}`]);
    }
  const lines = [...wheres].map(([text, where]) => `- ${text}\n  (${where.join(', ')})`);
  return lines.length > 0 ? ['', ...lines] : [];
}
