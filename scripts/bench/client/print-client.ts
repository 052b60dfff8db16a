import { cpus, loadavg } from 'node:os';
import { median, printTable } from '../table.ts';
import { listGoals, requestsPerThousand } from './goals.ts';
import type { LoopSample } from './measure-loop.ts';
import type { ClientSamples } from './samples.ts';
import { OURS, type Variant } from './stage.ts';

const NAMES: Readonly<Record<Variant, string>> = {
  none: 'no SDK (floor)',
  naive: 'fetch(keepalive) an event',
  worker: 'Waybill, worker',
  page: 'Waybill, page only',
  amplitude: 'Amplitude',
  snowplow: 'Snowplow',
};

/** Prints everything: each variant's cost, what troubled collectors saw, and our own against the goals. */
export function printClient(samples: ClientSamples, rounds: number): void {
  const note = `medians of ${rounds} rounds, in brackets their range`;
  printLoop(samples, note);
  printOutage(samples, note);
  printGoals(samples, note);
  const load = loadavg().map((number) => number.toFixed(1));
  process.stdout.write(
    `\n${cpus().length} cores, load average ${load.join(', ')} of the last 1, 5 and 15 minutes; ` +
      'times mean little while others need the cores\n',
  );
}

function printLoop(samples: ClientSamples, note: string): void {
  const floor = samples.of('none').loop;
  const columns: readonly (readonly [string, number, (sample: LoopSample, round: number) => number])[] = [
    ['in track() ms', 1, ({ trackMs }) => trackMs],
    ['p99 ms', 3, ({ trackP99Ms }) => trackP99Ms],
    ['main CPU ms', 0, ({ cpuMs }) => cpuMs],
    ['beyond floor', 0, ({ cpuMs }, round) => cpuMs - (floor[round]?.cpuMs ?? NaN)],
    ['long tasks', 0, ({ longTasks }) => longTasks],
    ['frames s', 2, ({ framesMs }) => framesMs / 1_000],
    ['requests/1000', 1, requestsPerThousand],
    ['wire B/event', 1, ({ wireBytes, arrived }) => wireBytes / arrived],
    ['arrived', 0, ({ arrived }) => arrived],
  ];
  const rows = samples.variants.map((variant) => [
    NAMES[variant],
    ...columns.map(([, digits, read]) => spread(samples.of(variant).loop.map(read), digits)),
  ]);
  const heads = ['', ...columns.map(([head]) => head)];
  printTable(`2,000 track() calls, 10 a frame; ${note}`, [heads, ...rows]);
  process.stdout.write(
    'main CPU: ThreadTime of the page’s main thread, over the loop and 1.5 s after it\n' +
      'wire: with all headers and preflights\n',
  );
}

function printOutage(samples: ClientSamples, note: string): void {
  const rows = samples.variants
    .filter((variant) => samples.of(variant).outage.length > 0)
    .map((variant) => {
      const { outage } = samples.of(variant);
      return [
        NAMES[variant],
        spread(
          outage.map(({ unavailable }) => unavailable),
          0,
        ),
        spread(
          outage.map(({ limited }) => limited),
          0,
        ),
      ];
    });
  const heads = ['', '20 s of 503', '10 s of Retry-After: 10'];
  printTable(`Requests to a collector that refuses, 4 events a second; ${note}`, [heads, ...rows]);
}

function printGoals(samples: ClientSamples, note: string): void {
  const rows = listGoals(samples).map(({ what, atMost, digits, read }) => {
    const measured = OURS.map((variant) => read(samples.of(variant)));
    return [
      what,
      `≤ ${atMost}`,
      ...measured.flatMap((numbers) => [spread(numbers, digits), judge(median(numbers), atMost)]),
    ];
  });
  const heads = ['', 'goal', ...OURS.flatMap((variant) => [NAMES[variant], 'of goal'])];
  printTable(`Goals; ${note}`, [heads, ...rows]);
}

/** A goal of nothing has no ratio. */
function judge(seen: number, atMost: number): string {
  const ratio = atMost === 0 ? '' : (seen / atMost).toFixed(2);
  return seen <= atMost ? ratio || 'reached' : `${ratio} MISSED`;
}

/** The median and, of more than one, the range. */
function spread(numbers: readonly number[], digits: number): string {
  if (numbers.some(Number.isNaN)) return '-';
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const middle = median(numbers).toFixed(digits);
  return low === high ? middle : `${middle} (${low.toFixed(digits)}-${high.toFixed(digits)})`;
}
