import { cpus, loadavg } from 'node:os';
import { median, printTable } from '../table.ts';
import { listGoals } from './goals.ts';
import { cpuRatios, NAMES, rateRatios, type Samples } from './variants.ts';

/**
 * Prints the loads of one batch size, all in proportion to the first. CPU is a request's, in the process that answers
 * and in all: the database's, or the one that seals what we stored as far as it ran in our own turns.
 */
export function printLoads(title: string, batch: number, samples: Samples): void {
  const rows = [...samples].map(([name, loads]) => [
    NAMES[name],
    Math.round(median(loads.map(({ requestsPerSecond }) => requestsPerSecond)) * batch).toLocaleString('en'),
    ...spread(rateRatios(samples, name, 'koa'), 2),
    median(loads.map(({ p50Ms }) => p50Ms)).toFixed(1),
    median(loads.map(({ p99Ms }) => p99Ms)).toFixed(1),
    median(loads.map(({ cpu }) => cpu.own)).toFixed(0),
    median(loads.map(({ cpu }) => cpu.all)).toFixed(0),
  ]);
  printTable(title, [['', 'events/s', 'ratio', 'range', 'p50 ms', 'p99 ms', 'CPU us', 'of all'], ...rows]);
}

/**
 * Prints what the same durable events with the same answer cost in other stores, in proportion to ours: of
 * processors that work at the same time a rate says nothing.
 */
export function printCosts(byBatch: ReadonlyMap<number, Samples>): void {
  const rows = [...byBatch].flatMap(([batch, samples]) =>
    (['sqlite', 'postgres'] as const)
      .filter((name) => samples.has(name))
      .map((name) => [
        `${NAMES[name]}, ${batch} events a request`,
        ...spread(cpuRatios(samples, name, 'echo'), 2),
      ]),
  );
  if (rows.length > 0)
    printTable('CPU of all processes an event, to that of Waybill', [['', 'median', 'range'], ...rows]);
}

/** Prints what is to be reached, and what was. */
export function printGoals(byBatch: ReadonlyMap<number, Samples>, peakMb: number): void {
  const rows = listGoals(byBatch, peakMb).map(({ what, bound, goal, digits, measured }) => {
    const seen = median(measured);
    const isReached = bound === '≥' ? seen >= goal : seen <= goal;
    return [what, `${bound} ${goal}`, ...spread(measured, digits), isReached ? 'reached' : 'MISSED'];
  });
  printTable('Goals of ingest', [['', 'goal', 'median', 'range', ''], ...rows]);
  const load = loadavg().map((number) => number.toFixed(1));
  process.stdout.write(
    `\n${cpus().length} cores, load average ${load.join(', ')} of the last 1, 5 and 15 minutes; ` +
      'even ratios mean little while others need the cores\n',
  );
}

function spread(numbers: readonly number[], digits: number): readonly [string, string] {
  const range = `${Math.min(...numbers).toFixed(digits)}-${Math.max(...numbers).toFixed(digits)}`;
  return [median(numbers).toFixed(digits), range];
}
