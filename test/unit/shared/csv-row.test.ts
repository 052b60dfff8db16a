import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvField, csvRow } from '../../../shared/csv-row.ts';
import { DEFAULT_OUTPUT } from '../../../shared/report.ts';
import { parseCsv, unguarded } from '../../support/parse-csv.ts';

describe('csvField', () => {
  it.each([
    ['plain', 'plain'],
    [null, ''],
    ['', '""'],
    ['a|b', '"a|b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    ['a\rb', '"a\rb"'],
    ['a,b', 'a,b'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@a', "'@a"],
    ['\ta', "'\ta"],
    ['\0a', "'\0a"],
    ["'a", "''a"],
    ['\r', `"'\r"`],
    ['a=1', 'a=1'],
  ])('writes %j as %j', (value, written) => {
    expect(csvField(value, DEFAULT_OUTPUT)).toBe(written);
  });

  it('leaves formulas alone when the guard is off', () => {
    expect(csvField('=1', { ...DEFAULT_OUTPUT, guard: false })).toBe('=1');
  });
});

describe('csvRow', () => {
  it('is read back to the same values, whatever they are', () => {
    const value = fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[|"\n\r'=@a ]*$/)));
    fc.assert(
      fc.property(fc.array(fc.array(value, { minLength: 2, maxLength: 5 })), (rows) => {
        const text = rows.map((row) => csvRow(row, DEFAULT_OUTPUT)).join('');
        expect(parseCsv(text).map((row) => row.map(unguarded))).toEqual(rows);
      }),
      { numRuns: 1_000 },
    );
  });
});
