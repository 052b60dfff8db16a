import { describe, expect, it } from 'vitest';
import { ChunkPool } from '../../../../server/store/segments/sealed/row-chunks.ts';
import { NO_NUMBER, TextTable } from '../../../../server/store/segments/sealed/text-table.ts';
import { viewOf } from '../../../../server/words.ts';

describe('TextTable', () => {
  it('gives each text one number, however many there are and whatever they begin or end with', () => {
    const table = new TextTable({ maxTexts: 60_000, maxBytes: 1e6 });
    const texts = Array.from({ length: 60_000 }, (_, at) => (at % 2 === 0 ? `${at}` : `${at}-${at % 7}`));
    const joined = Buffer.from(`${texts.join('')}        `);
    const view = viewOf(joined);
    const numbers = (): readonly number[] => {
      let at = 0;
      return texts.map((text) => {
        at += text.length;
        return table.numberOf(view, at - text.length, text.length);
      });
    };

    const first = numbers();

    const known = new Map<string, number>();
    for (const text of texts) if (!known.has(text)) known.set(text, known.size);
    expect(first).toEqual(texts.map((text) => known.get(text)));
    expect(numbers()).toEqual(first);
    expect(table.count).toBe(known.size);
    expect([...known.keys()].every((text, at) => table.text(at).toString() === text)).toBe(true);
  });
});

describe('TextTable, full', () => {
  it.each([
    ['by their number', { maxTexts: 2, maxBytes: 100 }],
    ['by their bytes', { maxTexts: 9, maxBytes: 3 }],
  ])('still knows the texts that it has, and takes no more: %s', (_name, limits) => {
    const table = new TextTable(limits);
    const view = viewOf(Buffer.from('abbccdd        '));
    const numbers = (): readonly number[] =>
      [
        [0, 1],
        [1, 2],
        [3, 2],
        [5, 2],
        [1, 2],
      ].map(([start = 0, length = 0]) => table.numberOf(view, start, length));

    expect(numbers()).toEqual([0, 1, NO_NUMBER, NO_NUMBER, 1]);
    expect(numbers()).toEqual([0, 1, NO_NUMBER, NO_NUMBER, 1]);
    expect(table.count).toBe(2);
    table.clear();
    expect(table.numberOf(view, 3, 2)).toBe(0);
  });
});

describe('ChunkPool', () => {
  it('gives a chunk as large as those before, but not larger than is worth it, nor too small', () => {
    const pool = new ChunkPool();
    const size = (bytes: number, before: number): number => {
      const { start, limit } = pool.take(bytes, before);
      return limit - start;
    };

    expect([size(100, 0), size(100, 900), size(100, 1e9), size(1e7, 0), size(5, 5)]).toEqual([
      100, 900, 65_536, 1e7, 5,
    ]);
  });

  it('gives no byte twice', () => {
    const pool = new ChunkPool();
    const chunks = Array.from({ length: 400 }, () => pool.take(60_000, 0));

    for (const [number, { view, start, limit }] of chunks.entries()) {
      view.setFloat64(start, number);
      view.setFloat64(limit - 8, number);
    }

    for (const [number, { view, start, limit }] of chunks.entries())
      expect([view.getFloat64(start), view.getFloat64(limit - 8)]).toEqual([number, number]);
  });
});
