import { p99Ratios, rateRatios, type Samples, type VariantName } from './variants.ts';

/** One thing that ingest is to reach. */
export interface Goal {
  readonly what: string;
  readonly bound: '≥' | '≤';
  readonly goal: number;
  readonly digits: number;
  /** One number a round. */
  readonly measured: readonly number[];
}

/**
 * What ingest is to reach, with what was measured of it.
 *
 * @param byBatch - The samples of each batch size.
 * @param peakMb - The server's memory after all of them.
 */
export function listGoals(byBatch: ReadonlyMap<number, Samples>, peakMb: number): readonly Goal[] {
  const rate = (batch: number, own: VariantName, goal: number, other: VariantName = 'koa'): Goal => ({
    what: `rate of the ${own}, ${batch} events a request, to ${other}`,
    bound: '≥',
    goal,
    digits: 2,
    measured: rateRatios(byBatch.get(batch), own, other),
  });
  const p99 = (batch: number, own: VariantName): Goal => ({
    what: `p99 of the ${own}, ${batch} events a request, to koa`,
    bound: '≤',
    goal: 2,
    digits: 2,
    measured: p99Ratios(byBatch.get(batch), own, 'koa'),
  });
  const goals: readonly Goal[] = [
    rate(1, 'echo', 0.7),
    rate(10, 'echo', 0.85),
    rate(10, 'receipt', 1.15),
    rate(100, 'echo', 0.75),
    rate(100, 'receipt', 1.35),
    p99(10, 'echo'),
    p99(10, 'receipt'),
    { what: 'memory of the server at its peak, MB', bound: '≤', goal: 160, digits: 0, measured: [peakMb] },
    rate(10, 'echo', 1.3, 'sqlite'),
    rate(10, 'echo', 2.5, 'postgres'),
  ];
  return goals.filter(({ measured }) => measured.length > 0);
}
