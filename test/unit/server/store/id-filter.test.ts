import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { compareKeys, parseKey } from '../../../../server/store/segments/ids/batch-key.ts';
import { IdFilter } from '../../../../server/store/segments/ids/id-filter.ts';
import {
  formatSeed,
  hashKey,
  parseSeed,
  randomSeed,
} from '../../../../server/store/segments/ids/keyed-hash.ts';
import { idFrom } from '../../../support/id-files.ts';

function keyOf(id: string): Uint32Array {
  const key = new Uint32Array(4);
  parseKey(id, key);
  return key;
}

const keys = (count: number) => Array.from({ length: count }, () => keyOf(randomUUID()));

describe('parseKey', () => {
  it('reads every digit', () => {
    expect([...keyOf('01234567-89ab-cdef-fedc-ba9876543210')]).toEqual([
      0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210,
    ]);
  });

  it('keeps the order of the texts', () => {
    const ids: string[] = Array.from({ length: 2000 }, () => randomUUID());
    for (let digits = 0; digits < 32; digits++) ids.push(randomUUID(), idFrom(`${'f'.repeat(digits)}7`));
    const byText = ids.toSorted();
    const byKey = ids.toSorted((a, b) => compareKeys(keyOf(a), keyOf(b)));
    expect(byKey).toEqual(byText);
  });
});

describe('hashKey', () => {
  // Filters on disk were made with it.
  it('gives for ever what it gave', () => {
    const hash = new Uint32Array(2);
    const words = Uint32Array.of(7, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);
    hashKey(parseSeed('0706050403020100'), words, 1, hash);
    expect([...hash].map((word) => word.toString(16))).toEqual(['b9c5d756', 'c22e3e3d']);
  });

  it('depends on all of the seed', () => {
    const hash = new Uint32Array(2);
    const key = keyOf(randomUUID());
    const results = ['0000000000000000', '0000000000000001', '8000000000000000'].map((seed) => {
      hashKey(parseSeed(seed), key, 0, hash);
      return `${hash[0]} ${hash[1]}`;
    });
    expect(new Set(results).size).toBe(3);
  });

  it('has a seed that survives being written', () => {
    const seeds = Array.from({ length: 50 }, () => randomSeed());
    expect(seeds.map((seed) => parseSeed(formatSeed(seed)))).toEqual(seeds);
    expect(new Set(seeds.map((seed) => formatSeed(seed))).size).toBe(50);
  });
});

describe('IdFilter', () => {
  it('knows all that was added, and takes few others for known', () => {
    const count = 20_000;
    const filter = IdFilter.create(count, randomSeed());
    const added = keys(count);
    for (const key of added) filter.add(key);

    expect(added.every((key) => filter.mayHave(key))).toBe(true);
    // 0.31 % are expected; 0.5 % are ten standard deviations more.
    const alarms = keys(100_000).filter((key) => filter.mayHave(key)).length;
    expect(alarms / 100_000).toBeLessThan(0.005);
    expect(filter.parts.bits.length / count).toBeLessThanOrEqual(1.5);
  });

  it('is as good for ids that are alike', () => {
    const count = 20_000;
    const alike = Array.from({ length: 2 * count }, (_, n) =>
      keyOf(idFrom(`${'a'.repeat(24)}${n.toString(16).padStart(8, '0')}`)),
    );
    const filter = IdFilter.create(count, randomSeed());
    for (const key of alike.slice(0, count)) filter.add(key);

    expect(alike.slice(0, count).every((key) => filter.mayHave(key))).toBe(true);
    expect(alike.slice(count).filter((key) => filter.mayHave(key)).length / count).toBeLessThan(0.007);
  });

  it('knows nothing when it is empty', () => {
    const filter = IdFilter.create(0, randomSeed());
    expect(keys(100).some((key) => filter.mayHave(key))).toBe(false);
  });
});
