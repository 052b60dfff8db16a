import { parseArgs } from 'node:util';
import { parseTime } from './parse-time.ts';

export interface ReportOptions {
  /** The body of a `POST /reports`, unchecked but for its times: whoever makes the report knows the rules. */
  readonly request: unknown;
  /** Undefined for the data folder of this machine. */
  readonly server: { readonly address: string; readonly user: string } | undefined;
  /** Undefined for standard output. */
  readonly outputPath: string | undefined;
  readonly isQuiet: boolean;
}

/**
 * Reads what is behind `waybill report`.
 *
 * @throws Error in words for the person at the terminal.
 */
export function parseReportOptions(args: readonly string[]): ReportOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: 'string' },
      user: { type: 'string' },
      customer: { type: 'string' },
      product: { type: 'string' },
      types: { type: 'string' },
      start: { type: 'string' },
      end: { type: 'string' },
      format: { type: 'string' },
      delimiter: { type: 'string' },
      'no-header': { type: 'boolean' },
      'no-guard': { type: 'boolean' },
      gzip: { type: 'boolean' },
      columns: { type: 'string' },
      partial: { type: 'boolean' },
      output: { type: 'string' },
      quiet: { type: 'boolean' },
    },
  });
  const { server, user, customer, product, types, start, end, format, delimiter, columns } = values;
  if (customer === undefined || product === undefined)
    throw new Error('--customer and --product are required');
  if ((server === undefined) !== (user === undefined))
    throw new Error('--server and --user are only good together');
  const filter = {
    customer,
    product,
    ...(types !== undefined && { types: listOf(types) }),
    ...(start !== undefined && { start: parseTime(start, '--start') }),
    ...(end !== undefined && { end: parseTime(end, '--end', 'last') }),
  };
  // Only what was asked for: an older server refuses what it does not know.
  const output = {
    ...(format !== undefined && { format }),
    ...(delimiter !== undefined && { delimiter: delimiter === String.raw`\t` ? '\t' : delimiter }),
    ...(values['no-header'] === true && { header: false }),
    ...(values['no-guard'] === true && { guard: false }),
    ...(values.gzip === true && { compression: 'gzip' }),
    ...(columns !== undefined && { columns: listOf(columns) }),
    ...(values.partial === true && { partial: true }),
  };
  return {
    request: { filter, output },
    server: server === undefined || user === undefined ? undefined : { address: server, user },
    outputPath: values.output,
    isQuiet: values.quiet === true,
  };
}

function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
