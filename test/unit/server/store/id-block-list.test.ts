import { describe, expect, it } from 'vitest';
import { BlockList, RECORD_BYTES } from '../../../../server/store/segments/ids/id-block-list.ts';

const key = (high: number, low: number) => Uint32Array.of(high, low, 1, 2);

describe('BlockList', () => {
  it('keeps what it was told, also beyond 4 GiB, and from its bytes', () => {
    const list = new BlockList();
    const blocks = Array.from({ length: 1000 }, (_, n) => ({
      offset: n * 280_000_000_001,
      checksum: 2 ** 32 - 1 - n,
    }));
    for (const [n, block] of blocks.entries()) list.add(key(n, 0), block);

    expect(list.records.length).toBe(1000 * RECORD_BYTES);
    const again = new BlockList(Buffer.from(list.records));
    for (const copy of [list, again]) expect(blocks.map((_, n) => copy.get(n))).toEqual(blocks);
  });

  it('counts the blocks that begin below a key, by 64 bits of it', () => {
    const list = new BlockList();
    const firsts = [
      [0, 0],
      [7, 1],
      [7, 2 ** 32 - 1],
      [7, 2 ** 32 - 1],
      [2 ** 32 - 1, 0],
    ] as const;
    for (const [high, low] of firsts) list.add(key(high, low), { offset: 0, checksum: 0 });

    const counts = (high: number, low: number) =>
      [false, true].map((withEqual) => list.countUpTo(key(high, low), withEqual));
    expect(counts(0, 0)).toEqual([0, 1]);
    expect(counts(7, 0)).toEqual([1, 1]);
    expect(counts(7, 1)).toEqual([1, 2]);
    expect(counts(7, 2)).toEqual([2, 2]);
    expect(counts(7, 2 ** 32 - 1)).toEqual([2, 4]);
    expect(counts(8, 0)).toEqual([4, 4]);
    expect(counts(2 ** 32 - 1, 2 ** 32 - 1)).toEqual([5, 5]);
    expect(new BlockList().countUpTo(key(1, 1), true)).toBe(0);
  });
});
