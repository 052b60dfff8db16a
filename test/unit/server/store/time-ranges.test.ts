import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeRanges } from '../../../../server/store/segments/sealed/time-ranges.ts';

const DAY = 86_400_000;

describe('ranges of time', () => {
  it('tells times apart that are far from one another', () => {
    expect(rangesOf([0, 5 * DAY, 1, 5 * DAY - 1, 9 * DAY], 3)).toEqual([
      [0, 1],
      [5 * DAY - 1, 5 * DAY],
      [9 * DAY, 9 * DAY],
    ]);
  });

  it('makes one range of two when a time is near both', () => {
    expect(rangesOf([0, 2 * DAY, DAY], 3)).toEqual([[0, 2 * DAY]]);
  });

  it('gives up the smallest gap when there are too many', () => {
    expect(rangesOf([0, 10 * DAY, 13 * DAY, 30 * DAY], 3)).toEqual([
      [0, 0],
      [10 * DAY, 13 * DAY],
      [30 * DAY, 30 * DAY],
    ]);
  });

  it('covers every time, whatever their order, with so many ranges in order and no gap that is small', () => {
    const time = fc.integer({ min: -100, max: 100 }).map((half) => (half * DAY) / 2);
    fc.assert(
      fc.property(fc.array(time, { minLength: 1 }), fc.integer({ min: 1, max: 5 }), (times, limit) => {
        const ranges = rangesOf(times, limit);
        expect(ranges.length).toBeLessThanOrEqual(limit);
        for (const each of times) expect(ranges.some(([from, to]) => from <= each && each <= to)).toBe(true);
        for (const [from, to] of ranges) {
          expect(times).toContain(from);
          expect(times).toContain(to);
        }
        for (const [at, [from]] of ranges.entries())
          expect(from - (ranges[at - 1]?.[1] ?? -Infinity)).toBeGreaterThan(DAY);
      }),
      { numRuns: 2_000 },
    );
  });
});

function rangesOf(times: readonly number[], limit: number): TimeRanges['ranges'] {
  const ranges = new TimeRanges(limit);
  for (const time of times) ranges.add(time);
  return ranges.ranges;
}
