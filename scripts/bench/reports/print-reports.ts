import { cpus, loadavg } from 'node:os';
import { median, printTable } from '../table.ts';
import type { Comparison } from './compare-rows.ts';
import type { Measured } from './measure-case.ts';
import type { Usage } from './watch-process.ts';

const MB = 1e6;

/** One thing that reports are to reach. */
export interface Goal {
  readonly what: string;
  /** What is measured is not to be above it. */
  readonly goal: number;
  readonly digits: number;
  /** One number a round, or one of all. */
  readonly measured: readonly number[];
}

/** Prints what a report took of each, and how much of that Waybill took: the first, unless another is said. */
export function printCase(title: string, measured: readonly Measured[]): void {
  const [own] = measured;
  const rows = measured.map((one) => [
    one.name,
    ...spread(
      one.usages.map(({ seconds }) => seconds),
      3,
    ),
    own === undefined || one === own ? '' : median(secondRatios(own, one)).toFixed(2),
    middle(one, 'cpuSeconds', 2),
    middle(one, 'rssMb', 0),
    middle(one, 'bytesRead', 1, MB),
    (one.bytes / MB).toFixed(1),
  ]);
  const heads = ['', 'seconds', 'range', 'Waybill to it', 'CPU s', 'RSS MB', 'MB read', 'MB written'];
  printTable(title, [heads, ...rows]);
}

/** What one took of the time that another did, round by round. */
export function secondRatios(one: Measured, other: Measured): readonly number[] {
  return one.usages.map(({ seconds }, round) => seconds / (other.usages[round]?.seconds ?? NaN));
}

/** The one that took the shortest time; undefined of none. */
export function fastest(measured: readonly Measured[]): Measured | undefined {
  return measured.toSorted((a, b) => secondsOf(a) - secondsOf(b))[0];
}

function secondsOf({ usages }: Measured): number {
  return median(usages.map(({ seconds }) => seconds));
}

export function printComparison({ rows, expected, missing, surplus, outOfOrder }: Comparison): void {
  printTable('The same rows as DuckDB reads from the log', [
    ['', 'rows'],
    ['in the report', String(rows)],
    ['in the log', String(expected)],
    ['missing', String(missing)],
    ['surplus', String(surplus)],
    ['out of order', String(outOfOrder)],
  ]);
}

export function printGoals(goals: readonly Goal[]): void {
  const rows = goals.map(({ what, goal, digits, measured }) => [
    what,
    `≤ ${goal}`,
    ...spread(measured, digits),
    median(measured) <= goal ? 'reached' : 'MISSED',
  ]);
  printTable('Goals of reports', [['', 'goal', 'median', 'range', ''], ...rows]);
  const load = loadavg().map((number) => number.toFixed(1));
  process.stdout.write(
    `\n${cpus().length} cores, load average ${load.join(', ')} of the last 1, 5 and 15 minutes; ` +
      'even ratios mean little while others need the cores\n',
  );
}

/** What the others leave out. */
export function printNotes(withPeers: boolean): void {
  const notes = [
    'Waybill writes a header, 62 columns by the names of the catalog, a guard against formulas, time order, SHA-256, and flushes.',
    'The others write timestamp, type and five columns by position: no names, no guard, no checksum, no flush.',
    'Waybill reads what it wrote once more, for the checksum, if that is much: it is in MB read.',
    'All wrote into memory where there was room (/dev/shm), with the start of the process, from a warm page cache.',
    'DuckDB and ClickHouse use two threads. ORDER BY is timestamp, batch, sequence; without, a sorted Parquet file still comes by time.',
    ...(withPeers
      ? ['PostgreSQL: its server was running; its CPU is counted, its memory and what it read are not.']
      : ['Without --peers only DuckDB, over the log, and readline.']),
  ];
  process.stdout.write(`\n${notes.join('\n')}\n`);
}

function middle(measured: Measured, key: keyof Usage, digits: number, unit = 1): string {
  const value = median(measured.usages.map((usage) => usage[key])) / unit;
  return Number.isNaN(value) ? '' : value.toFixed(digits);
}

function spread(numbers: readonly number[], digits: number): readonly [string, string] {
  const range = `${Math.min(...numbers).toFixed(digits)}-${Math.max(...numbers).toFixed(digits)}`;
  return [median(numbers).toFixed(digits), range];
}
