import { describe, expect, it } from 'vitest';
import { parseTime } from '../../../../server/cli/parse-time.ts';

describe('a time on the command line', () => {
  it.each([
    ['0', 0, 0],
    ['1769817600000', 1_769_817_600_000, 1_769_817_600_000],
    ['2026-01-31', Date.UTC(2026, 0, 31), Date.UTC(2026, 1, 1) - 1],
    ['2026-02', Date.UTC(2026, 1, 1), Date.UTC(2026, 2, 1) - 1],
    ['2026-12', Date.UTC(2026, 11, 1), Date.UTC(2027, 0, 1) - 1],
    ['2028-02-29', Date.UTC(2028, 1, 29), Date.UTC(2028, 2, 1) - 1],
    ['2026-01-31T10:00Z', Date.UTC(2026, 0, 31, 10), Date.UTC(2026, 0, 31, 10)],
    ['2026-01-31T10:00:01.5+02:00', Date.UTC(2026, 0, 31, 8, 0, 1, 500), Date.UTC(2026, 0, 31, 8, 0, 1, 500)],
  ])('%s is from %i to %i', (text, first, last) => {
    expect(parseTime(text, '--end')).toBe(first);
    expect(parseTime(text, '--end', 'last')).toBe(last);
  });

  it.each([
    '2026-01-31T10:00',
    '2026-02-29',
    '2026-02-30T10:00Z',
    '2026-13',
    '2026-01-31T25:00Z',
    '2026-1-1',
    'Jan 5 2026',
    '-1',
    '1.5',
    '1969-12-31',
    '',
    ' ',
  ])('%j is none, and the option is named', (text) => {
    expect(() => parseTime(text, '--end', 'last')).toThrow(
      /^--end must be milliseconds, a date .*, or a time/,
    );
  });
});
