import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BatchTable } from '../../../../server/store/segments/ids/batch-table.ts';
import { idFrom } from '../../../support/id-files.ts';

const newIds = (count: number) => Array.from({ length: count }, () => randomUUID());

describe('BatchTable', () => {
  it('finds every id that was set, through many growths, and no other', () => {
    const table = new BatchTable();
    const ids = newIds(100_000);
    for (const [offset, id] of ids.entries()) table.set(id, { segment: 1, offset });

    expect(table.count).toBe(ids.length);
    const wrong = ids.filter((id, offset) => {
      const found = table.get(id);
      return found === undefined || found === 'split' || found.segment !== 1 || found.offset !== offset;
    });
    expect(wrong).toEqual([]);
    expect(newIds(10_000).filter((id) => table.get(id) !== undefined)).toEqual([]);
  });

  it('tells apart ids that differ in any one digit', () => {
    const table = new BatchTable();
    const id = idFrom('');
    table.set(id, { segment: 3, offset: 4_000_000_000 });
    for (let at = 0; at < id.length; at++) {
      if (id[at] === '-') continue;
      for (const digit of '123456789abcdef') {
        expect(table.get(id.slice(0, at) + digit + id.slice(at + 1))).toBeUndefined();
      }
    }
    expect(table.get(id)).toEqual({ segment: 3, offset: 4_000_000_000 });
  });

  it('keeps the last that was said of an id, and counts it once', () => {
    const table = new BatchTable();
    const id = randomUUID();
    table.setSplit(id, 4);
    expect(table.get(id)).toBe('split');
    table.set(id, { segment: 2 ** 31, offset: 2 ** 32 - 2 });
    expect(table.get(id)).toEqual({ segment: 2 ** 31, offset: 2 ** 32 - 2 });
    expect(table.count).toBe(1);
  });

  it.each([
    { segment: 0, offset: 0 },
    { segment: 2 ** 31 + 1, offset: 0 },
    { segment: Number.NaN, offset: 0 },
    { segment: 1, offset: -1 },
    { segment: 1, offset: 2 ** 32 - 1 },
    { segment: 1, offset: Number.NaN },
  ])('refuses a place that it could not tell from none: $segment, $offset', (location) => {
    const table = new BatchTable();
    const id = randomUUID();
    expect(() => table.set(id, location)).toThrow(RangeError);
    expect(table.get(id)).toBeUndefined();
  });

  it('takes about 40 bytes an entry, and never grows by much at once', () => {
    const table = new BatchTable();
    const ids = newIds(20_000);
    for (const id of ids.slice(0, 12_000)) table.set(id, { segment: 1, offset: 0 });
    let bytes = table.bytes;
    let largest = 0;
    for (const id of ids.slice(12_000)) {
      table.set(id, { segment: 1, offset: 0 });
      largest = Math.max(largest, table.bytes - bytes);
      bytes = table.bytes;
    }
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(bytes / 1000);
    expect(bytes / table.count).toBeLessThan(64);
  });

  it('does not slow down for ids that somebody chose to be alike', () => {
    const fill = (ids: readonly string[]): number => {
      const table = new BatchTable();
      const start = process.cpuUsage().user;
      for (const id of ids) table.set(id, { segment: 1, offset: 0 });
      return process.cpuUsage().user - start;
    };
    const hex = (number: number) => number.toString(16).padStart(8, '0');
    const numbers = Array.from({ length: 40_000 }, (_, number) => number);
    fill(newIds(numbers.length));
    const usual = fill(newIds(numbers.length));

    // In one chain they would take some thousand times as long.
    const alike = [
      numbers.map((number) => idFrom(hex(number))),
      numbers.map((number) => idFrom(`${'f'.repeat(24)}${hex(number)}`)),
      numbers.map((number) => idFrom(hex(number).repeat(4))),
      numbers.map((number) => idFrom(`${hex(number)}00000000${hex(number)}`)),
    ];
    for (const ids of alike) expect(fill(ids)).toBeLessThan(usual * 10);
  });
});

describe('BatchTable.removeSegment', () => {
  it('drops the entries of that segment alone, splits too, and gives back memory', async () => {
    const table = new BatchTable();
    const ids = newIds(60_000);
    for (const [n, id] of ids.entries()) {
      if (n % 10 === 0) table.setSplit(id, 1 + (n % 3));
      else table.set(id, { segment: 1 + (n % 3), offset: n });
    }
    const before = table.bytes;

    await table.removeSegment(2);
    await table.removeSegment(7);

    expect(table.count).toBe(40_000);
    const wrong = ids.filter((id, n) => (table.get(id) !== undefined) !== (n % 3 !== 1));
    expect(wrong).toEqual([]);
    await table.removeSegment(1);
    await table.removeSegment(3);
    expect(table.count).toBe(0);
    expect(table.bytes).toBeLessThan(before / 5);
  });

  it('lets others have their turn, and stays right whatever they do', async () => {
    const table = new BatchTable();
    const old = newIds(40_000);
    const kept = newIds(20_000);
    for (const [offset, id] of old.entries()) table.set(id, { segment: 1, offset });
    for (const [offset, id] of kept.entries()) table.set(id, { segment: 2, offset });

    let isDone = false;
    const removal = table.removeSegment(1).then(() => (isDone = true));
    const added: string[] = [];
    let turns = 0;
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
      for (const id of newIds(200)) {
        table.set(id, { segment: 3, offset: added.length });
        added.push(id);
      }
      // One that goes is said to be elsewhere before its turn comes, or after.
      const moved = old[turns];
      if (moved !== undefined) table.set(moved, { segment: 4, offset: turns });
      expect(kept.slice(0, 50).every((id) => table.get(id) !== undefined)).toBe(true);
    }
    await removal;

    expect(turns).toBeGreaterThan(10);
    expect(
      kept.filter((id, offset) => JSON.stringify(table.get(id)) !== `{"segment":2,"offset":${offset}}`),
    ).toEqual([]);
    expect(
      added.filter((id, offset) => JSON.stringify(table.get(id)) !== `{"segment":3,"offset":${offset}}`),
    ).toEqual([]);
    expect(old.filter((id, n) => (table.get(id) !== undefined) !== (n > 0 && n <= turns))).toEqual([]);
    expect(table.count).toBe(kept.length + added.length + turns);
  });

  it('takes one removal after the other', async () => {
    const table = new BatchTable();
    for (const [n, id] of newIds(30_000).entries()) table.set(id, { segment: 1 + (n % 3), offset: n });
    const left: number[] = [];

    await Promise.all(
      [1, 2, 3].map((segment) => table.removeSegment(segment).then(() => left.push(table.count))),
    );

    expect(left).toEqual([20_000, 10_000, 0]);
  });
});
