import { DuckDBInstance } from '@duckdb/node-api';
import type { ProductColumns } from '../../../server/catalog/catalog.ts';
import type { Query } from './maker.ts';
import { duckdbLog, reportSql } from './peer-sql.ts';
import { MAX_VALUES } from './report-events.ts';

/** How a report differs from what DuckDB reads from the log. */
export interface Comparison {
  readonly rows: number;
  readonly expected: number;
  /** Rows that the report lacks, each as often as it does. */
  readonly missing: number;
  /** Rows that only the report has. */
  readonly surplus: number;
  /** Rows with an earlier timestamp than the row before. */
  readonly outOfOrder: number;
}

/** A row of either: time, type, the values by position, and how many values there are at all. */
const SHAPE = 'timestamp, type, given, count';

/**
 * Compares a report, as it is by default, with the same events read from the log by DuckDB, each row as often as it
 * is there.
 *
 * @param file - The report.
 * @param log - The folder of the store that is not sealed.
 */
export async function compareRows(
  file: string,
  query: Query,
  columns: ProductColumns,
  log: string,
): Promise<Comparison> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  await connection.run(`CREATE TABLE report AS SELECT ${SHAPE} FROM ${reportRows(file, columns)}`);
  await connection.run(`CREATE TABLE expected AS SELECT ${SHAPE} FROM ${logRows(log, query)}`);
  const count = async (sql: string): Promise<number> => {
    const rows = await (await connection.run(sql)).getRows();
    return Number(rows[0]?.[0]);
  };
  const less = (one: string, other: string): Promise<number> =>
    count(`SELECT count(*) FROM (SELECT * FROM ${one} EXCEPT ALL SELECT * FROM ${other})`);
  const comparison = {
    rows: await count('SELECT count(*) FROM report'),
    expected: await count('SELECT count(*) FROM expected'),
    missing: await less('expected', 'report'),
    surplus: await less('report', 'expected'),
    outOfOrder: await count(
      'SELECT count(*) FROM (SELECT timestamp, lag(timestamp) OVER () AS before FROM report) WHERE timestamp < before',
    ),
  };
  connection.closeSync();
  instance.closeSync();
  return comparison;
}

function reportRows(file: string, { columns, keys }: ProductColumns): string {
  const named = columns.map((column) => `"${column}"`);
  const read = ['timestamp', 'type', ...columns].map((column) => `'${column}': 'VARCHAR'`).join(', ');
  const values = Object.entries(keys).map(
    ([type, names]) => `WHEN '${type}' THEN [${names.map((name) => `"${name}"`).join(', ')}]`,
  );
  return `(SELECT timestamp::BIGINT AS timestamp, type, ${padded(`CASE type ${values.join(' ')} END`)} AS given,
      ${counted(`[${named.join(', ')}]`)} AS count
    FROM read_csv('${file}', columns = {${read}}, auto_detect = false, header = true, delim = '|', quote = '"',
      escape = '"', nullstr = '', allow_quoted_nulls = false, parallel = false))`;
}

function logRows(log: string, query: Query): string {
  const values = Array.from({ length: MAX_VALUES }, (_, index) => guarded(`c${index + 1}`));
  return `(SELECT timestamp, type, [${values.join(', ')}] AS given, ${counted('given')} AS count
    FROM (${reportSql(duckdbLog(`${log}/segments/*.jsonl`), query, false)}))`;
}

/** No context has more values. */
function padded(list: string): string {
  return `list_resize(${list}, ${MAX_VALUES})`;
}

function counted(list: string): string {
  return `len(list_filter(${list}, lambda item: item IS NOT NULL))`;
}

/** What a spreadsheet would take for a formula has an apostrophe in front. */
function guarded(value: string): string {
  return `CASE WHEN substr(${value}, 1, 1) IN ('=', '+', '-', '@', chr(9), chr(10), chr(13), '''')
    THEN '''' || ${value} ELSE ${value} END`;
}
