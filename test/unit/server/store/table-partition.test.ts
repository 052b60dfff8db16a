import { describe, expect, it } from 'vitest';
import { TablePartition } from '../../../../server/store/segments/ids/table-partition.ts';

/** All keys meet. */
const hashOf = () => 7;

describe('TablePartition', () => {
  it('tells apart keys with the same hash that differ in any one bit', () => {
    const partition = new TablePartition();
    const keys = Array.from({ length: 128 }, (_, bit) => {
      const key = Uint32Array.of(1, 2, 3, 4);
      const word = bit >> 5;
      key[word] = (key[word] ?? 0) ^ (1 << (bit & 31));
      return key;
    });
    for (const [n, key] of keys.entries()) partition.set(key, 7, 1 + (n % 2), n, hashOf);

    const offsets = () =>
      keys.map((key) => {
        const at = partition.find(key, 7);
        return partition.segment(at) === 0 ? undefined : partition.offset(at);
      });
    expect(partition.count).toBe(128);
    expect(offsets()).toEqual(keys.map((_, n) => n));
    expect(partition.segment(partition.find(Uint32Array.of(1, 2, 3, 4), 7))).toBe(0);

    // Those behind them in the chain are still found.
    expect(partition.removeSegment(1, hashOf)).toBe(64);
    expect(partition.removeSegment(1, hashOf)).toBe(0);
    expect(partition.count).toBe(64);
    expect(offsets()).toEqual(keys.map((_, n) => (n % 2 === 1 ? n : undefined)));
  });
});
