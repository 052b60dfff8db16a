import type { Query } from './maker.ts';
import { MAX_VALUES } from './report-events.ts';

const VALUES = Array.from({ length: MAX_VALUES }, (_, index) => `c${index + 1}`);
const FIELDS = `customer, product, type, timestamp, ${VALUES.join(', ')}, batch, sequence`;
const ORDER = 'ORDER BY timestamp, batch, sequence';
const SORTED = 'ORDER BY customer, product, timestamp, batch, sequence';

/** What all of these engines understand. */
export function reportSql(
  table: string,
  { customer, product, start, end }: Query,
  isOrdered: boolean,
): string {
  const tests = [`customer = '${customer}'`, `product = '${product}'`];
  if (start !== undefined) tests.push(`timestamp >= ${start}`);
  if (end !== undefined) tests.push(`timestamp <= ${end}`);
  const order = isOrdered ? ` ${ORDER}` : '';
  return `SELECT timestamp, type, ${VALUES.join(', ')} FROM ${table} WHERE ${tests.join(' AND ')}${order}`;
}

/** The log's events as rows. */
export function duckdbLog(segments: string): string {
  const event =
    'STRUCT(customer VARCHAR, product VARCHAR, type VARCHAR, timestamp BIGINT, context VARCHAR[])';
  const columns = `{batch: 'UUID', events: '${event}[]'}`;
  const values = VALUES.map((value, index) => `event.context[${index + 1}] AS ${value}`);
  return `(SELECT event.customer AS customer, event.product AS product, event.type AS type,
      event.timestamp AS timestamp, ${values.join(', ')}, batch, sequence
    FROM (SELECT batch, unnest(events) AS event, generate_subscripts(events, 1) - 1 AS sequence
      FROM read_ndjson('${segments}', columns = ${columns})))`;
}

export function duckdbParquet(file: string): string {
  return `read_parquet('${file}')`;
}

/** Makes the sorted Parquet file. */
export function makeParquetSql(segments: string, file: string): string {
  return `COPY (SELECT ${FIELDS} FROM ${duckdbLog(segments)} ${SORTED}) TO '${file}' (FORMAT parquet, COMPRESSION zstd)`;
}

/** Makes what PostgreSQL loads: in the order in which the events came. */
export function makeLoadFileSql(segments: string, file: string): string {
  return `COPY (SELECT ${FIELDS} FROM ${duckdbLog(segments)}) TO '${file}' (FORMAT csv, HEADER false)`;
}

export function duckdbCopySql(select: string, file: string): string {
  return `COPY (${select}) TO '${file}' (FORMAT csv, DELIMITER '|', HEADER true)`;
}

/** Makes the table of ClickHouse from the log. */
export function makeMergeTreeSqls(segments: string): readonly string[] {
  const texts = VALUES.map((value) => `${value} Nullable(String)`);
  const event =
    'Tuple(customer String, product String, type String, timestamp Int64, context Array(Nullable(String)))';
  const values = VALUES.map((_, index) => `arrayElementOrNull(event.context, ${index + 1})`);
  return [
    `CREATE TABLE event (customer LowCardinality(String), product LowCardinality(String),
      type LowCardinality(String), timestamp Int64, ${texts.join(', ')}, batch UUID, sequence UInt32)
      ENGINE = MergeTree ORDER BY (customer, product, timestamp)`,
    `INSERT INTO event SELECT event.customer, event.product, event.type, event.timestamp, ${values.join(', ')},
        batch, number - 1
      FROM file('${segments}', 'JSONEachRow', 'batch UUID, events Array(${event})')
      ARRAY JOIN events AS event, arrayEnumerate(events) AS number
      SETTINGS input_format_skip_unknown_fields = 1`,
    'OPTIMIZE TABLE event FINAL',
  ];
}

export function chdbCopySql(select: string, file: string): string {
  return `${select} INTO OUTFILE '${file}' TRUNCATE FORMAT CSVWithNames SETTINGS max_threads = 2, format_csv_delimiter = '|'`;
}

/** Makes PostgreSQL's table, as commands of psql. */
export function makePostgresSqls(loadFile: string): readonly string[] {
  const texts = VALUES.map((value) => `${value} text`).join(', ');
  return [
    `CREATE TABLE event (customer text, product text, type text, timestamp bigint, ${texts}, batch uuid, sequence int)`,
    `\\copy event FROM '${loadFile}' (FORMAT csv)`,
    'CREATE INDEX ON event (customer, product, timestamp)',
    'VACUUM ANALYZE event',
  ];
}

export function postgresCopyCommand(select: string, file: string): string {
  return `\\copy (${select}) TO '${file}' (FORMAT csv, DELIMITER '|', HEADER true)`;
}
