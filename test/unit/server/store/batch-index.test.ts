import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BatchIndex } from '../../../../server/store/segments/batch-index.ts';

describe('BatchIndex', () => {
  it('finds every id that was set, through many growths, and no other', () => {
    const index = new BatchIndex();
    const ids = Array.from({ length: 50_000 }, () => randomUUID());
    for (const [offset, id] of ids.entries()) index.set(id, { segment: 1, offset });

    expect(
      ids.every((id, offset) => JSON.stringify(index.get(id)) === JSON.stringify({ segment: 1, offset })),
    ).toBe(true);
    expect(
      Array.from({ length: 10_000 }, () => index.get(randomUUID())).every((found) => found === undefined),
    ).toBe(true);
  });

  it('tells apart ids that differ in any one digit', () => {
    const index = new BatchIndex();
    const id = '00000000-0000-0000-0000-000000000000';
    index.set(id, { segment: 3, offset: 4_000_000_000 });
    for (let at = 0; at < id.length; at++) {
      if (id[at] !== '-') expect(index.get(`${id.slice(0, at)}1${id.slice(at + 1)}`)).toBeUndefined();
    }
    expect(index.get(id)).toEqual({ segment: 3, offset: 4_000_000_000 });
  });

  it('does not slow down for ids that somebody chose to collide', () => {
    const index = new BatchIndex();
    const chosen = (number: number) => {
      const hex = number.toString(16).padStart(8, '0');
      return `00000000-${hex.slice(0, 4)}-${hex.slice(4)}-${hex.slice(0, 4)}-${hex.slice(4)}00000000`;
    };
    const fill = (id: (number: number) => string): number => {
      const start = process.cpuUsage().user;
      for (let number = 1; number <= 20_000; number++) index.set(id(number), 'split');
      return process.cpuUsage(undefined).user - start;
    };

    const usual = fill(() => randomUUID());

    // A chain of 20,000 would take some thousand times as long.
    expect(fill(chosen)).toBeLessThan(usual * 10);
  });

  it('remembers what was split', () => {
    const index = new BatchIndex();
    const id = randomUUID();
    index.set(id, 'split');
    expect(index.get(id)).toBe('split');
  });
});
