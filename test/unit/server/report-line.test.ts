import { describe, expect, it } from 'vitest';
import type { ReportJob } from '../../../server/reports/report-jobs.ts';
import { ReportLine, sharingKey } from '../../../server/reports/report-line.ts';
import { DEFAULT_OUTPUT, type ReportFilter } from '../../../shared/report.ts';

const FREE = (_key: string): boolean => false;

/** @param name - Also the product asked for, so that those of other names are other reports. */
function aJob(name: string, userId: string, changes: Partial<ReportJob> = {}): ReportJob {
  const filter: ReportFilter = { customer: 'C', product: name };
  return {
    job: name,
    status: 'RUNNING',
    filter,
    output: DEFAULT_OUTPUT,
    userId,
    position: 1,
    startMs: 1,
    ...changes,
  };
}

function lineOf(...jobs: readonly ReportJob[]): ReportLine {
  const line = new ReportLine();
  for (const job of jobs) line.add(job);
  return line;
}

function takeAll(line: ReportLine, isHeld = FREE): readonly (readonly string[])[] {
  const taken: string[][] = [];
  for (;;) {
    const jobs = line.take(isHeld);
    if (jobs.length === 0) return taken;
    taken.push(jobs.map(({ job }) => job));
  }
}

describe('ReportLine', () => {
  it('takes turns between users, and of each the oldest first', () => {
    const line = lineOf(aJob('a1', 'ann'), aJob('a2', 'ann'), aJob('a3', 'ann'), aJob('b1', 'bob'));
    expect(takeAll(line)).toEqual([['a1'], ['b1'], ['a2'], ['a3']]);
    expect(line.size).toBe(0);
  });

  it('gives nobody a second turn who comes back while others wait', () => {
    const line = lineOf(aJob('a1', 'ann'), aJob('b1', 'bob'), aJob('c1', 'cid'));
    expect(line.take(FREE)).toMatchObject([{ job: 'a1' }]);
    line.add(aJob('a2', 'ann'));
    expect(takeAll(line)).toEqual([['b1'], ['c1'], ['a2']]);
  });

  it('takes what is the same report at the same position together, whoever asked', () => {
    const { filter } = aJob('a1', 'ann');
    const line = lineOf(
      aJob('a1', 'ann'),
      aJob('a2', 'ann'),
      aJob('b1', 'bob', { filter }),
      aJob('b2', 'bob', { filter, output: { ...DEFAULT_OUTPUT, delimiter: ';' } }),
      aJob('b3', 'bob', { filter, position: 2 }),
    );
    expect(takeAll(line)).toEqual([['a1', 'b1'], ['b2'], ['a2'], ['b3']]);
  });

  it('raises the positions of a key alone, and never lowers one', () => {
    const line = lineOf(
      aJob('a1', 'ann'),
      aJob('b1', 'bob'),
      aJob('c1', 'cid', { filter: { customer: 'C', product: 'a1' }, position: 9 }),
    );
    line.raise(sharingKey(aJob('a1', 'ann')), 5);
    expect([line.take(FREE), line.take(FREE), line.take(FREE)]).toMatchObject([
      [{ position: 5 }],
      [{ position: 1 }],
      [{ position: 9 }],
    ]);
  });

  it('lets others go in the place of what is held', () => {
    const line = lineOf(aJob('a1', 'ann'), aJob('a2', 'ann'), aJob('b1', 'bob'));
    const held = sharingKey(aJob('a1', 'ann'));
    expect(takeAll(line, (key) => key === held)).toEqual([['a2'], ['b1']]);
    expect(takeAll(line)).toEqual([['a1']]);
  });

  it('forgets what is removed', () => {
    const line = lineOf(aJob('a1', 'ann'), aJob('a2', 'ann'), aJob('b1', 'bob'));
    expect([line.remove('a1'), line.remove('b1'), line.remove('x')]).toEqual([true, true, false]);
    expect([line.has('a1'), line.has('a2'), line.countOf('ann'), line.countOf('bob')]).toEqual([
      false,
      true,
      1,
      0,
    ]);
    expect(takeAll(line)).toEqual([['a2']]);
  });
});

describe('sharingKey', () => {
  it('takes types for a set, and everything else as it is', () => {
    const key = (filter: Partial<ReportFilter>): string =>
      sharingKey({ filter: { customer: 'C', product: 'P', ...filter }, output: DEFAULT_OUTPUT });
    expect(key({ types: ['A', 'B', 'A'] })).toBe(key({ types: ['B', 'A'] }));
    const keys = [{}, { types: ['A'] }, { start: 1 }, { end: 1 }, { start: 1, end: 1 }].map(key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
