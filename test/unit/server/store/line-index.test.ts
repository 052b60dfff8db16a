import { describe, expect, it } from 'vitest';
import { LineIndex } from '../../../../server/store/segments/sealed/line-index.ts';
import { rowTimestamp } from '../../../../server/store/segments/sealed/sealed-row.ts';

describe('LineIndex', () => {
  it('finds all lines, however many there are, and again in other bytes', () => {
    const index = new LineIndex(rowTimestamp);
    for (const count of [5_000, 3, 0]) {
      const lines = Array.from({ length: count }, (_, at) => `[${at * 7},"T"]\n`);
      let end = 0;
      const starts = [0, ...lines.map((line) => (end += line.length))];

      index.set(Buffer.from(lines.join('')));

      expect(index.count).toBe(count);
      expect(Array.from(index.starts.subarray(0, count + 1))).toEqual(starts);
      expect(Array.from(index.keys.subarray(0, count))).toEqual(lines.map((_, at) => at * 7));
    }
  });
});
