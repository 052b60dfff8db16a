import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Damage } from '../../../../server/store/event-store.ts';
import type { FilePair } from '../../../../server/store/segments/batch-record.ts';
import { SealedFile } from '../../../../server/store/segments/sealed/sealed-file.ts';
import type { SealedCluster } from '../../../../server/store/segments/sealed/sealed-index.ts';
import { anEvent } from '../../../support/events.ts';
import { watchReads } from '../../../support/file-reads.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import { aBatchNow, logLines, NOW, pairIn, seal } from '../../../support/sealed-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DAY = 86_400_000;
const REASON = 'the index is missing or damaged: the data file is read instead';
const CUSTOMERS = ['A', 'AB', 'É'];
const PRODUCTS = ['', 'P', 'P2', '😀'];
const ledger = { dropped: 1, expired: 0, rejected: 0, unconfirmed: 0 };

/** Twelve products of three days and a stray event each: an index of some pages. */
async function sealProducts(folder: string): Promise<void> {
  const events = CUSTOMERS.flatMap((customer) =>
    PRODUCTS.flatMap((product) =>
      [0, 1, 2, 90].map((day) => anEvent({ customer, product, timestamp: NOW - day * DAY })),
    ),
  );
  await seal(folder, logLines([aBatchNow(events), aBatchNow([], { contents: { ledger } })]));
}

/** The clusters of one product of two of the three days, and the stray one. */
const WANTED = { start: NOW - 2 * DAY, end: NOW - DAY };

/** All clusters as the index, read through, has them. */
async function allClusters(pair: FilePair): Promise<readonly SealedCluster[]> {
  const file = await SealedFile.open(pair, () => undefined);
  if (file === undefined) throw new Error('the data file is there');
  try {
    const clusters: SealedCluster[] = [];
    for await (const one of file.clusters()) clusters.push(one);
    return clusters;
  } finally {
    await file.close();
  }
}

async function clustersOf(
  pair: FilePair,
  customer: string,
  product: string,
): Promise<{ readonly clusters: readonly SealedCluster[]; readonly damage: readonly Damage[] }> {
  const damage: Damage[] = [];
  const file = await SealedFile.open(pair, (found) => damage.push(found));
  if (file === undefined) throw new Error('the data file is there');
  try {
    const clusters: SealedCluster[] = [];
    for await (const one of file.clustersOf({ customer, product, ...WANTED })) clusters.push(one);
    return { clusters, damage };
  } finally {
    await file.close();
  }
}

/** Expects every product's clusters; returns what damage was found by each. */
async function expectAll(
  folder: string,
  all: readonly SealedCluster[],
  products = PRODUCTS,
): Promise<readonly (readonly Damage[])[]> {
  const found: (readonly Damage[])[] = [];
  for (const customer of CUSTOMERS) {
    for (const product of products) {
      const { clusters, damage } = await clustersOf(pairIn(folder), customer, product);
      const expected = all.filter(
        (one) => one.customer === customer && one.product === product && !one.day?.endsWith('11-01'),
      );
      expect(expected).toHaveLength(3);
      expect(clusters).toEqual(expected);
      found.push(damage);
    }
  }
  return found;
}

describe('SealedFile.clustersOf', () => {
  it('gives the clusters of a product that a range of time can have, and the stray one', async () => {
    const folder = await tempFolder();
    await sealProducts(folder);

    expect((await expectAll(folder, await allClusters(pairIn(folder)))).flat()).toEqual([]);
    expect(await clustersOf(pairIn(folder), 'A', 'P3')).toEqual({ clusters: [], damage: [] });
  });

  it('gives all that there is of a segment with no cluster, or one', async () => {
    const folder = await tempFolder();
    await seal(folder, [], 'none');
    const event = anEvent({ customer: 'A', product: 'P', timestamp: NOW - DAY });
    await seal(folder, logLines([aBatchNow([event])]), 'one');
    const all = await allClusters(pairIn(folder, 'one'));

    expect(all).toHaveLength(1);
    expect(await clustersOf(pairIn(folder, 'none'), 'A', 'P')).toEqual({ clusters: [], damage: [] });
    expect(await clustersOf(pairIn(folder, 'one'), 'A', 'P')).toEqual({ clusters: all, damage: [] });
    expect(await clustersOf(pairIn(folder, 'one'), 'A', 'P1')).toEqual({ clusters: [], damage: [] });
  });

  it('gives the same whatever line of the index is damaged', async () => {
    const folder = await tempFolder();
    await sealProducts(folder);
    const all = await allClusters(pairIn(folder));
    const { index } = pairIn(folder);
    const whole = await readFile(index);
    const offsets = (await lineOffsets(index)).slice(0, -1);
    expect(offsets).toHaveLength(49);
    const noticed: number[] = [];
    for (const offset of offsets) {
      await writeFile(index, whole);
      await overwrite(index, offset + 60, '#');

      const damage = (await expectAll(folder, all)).filter((found) => found.length > 0);

      for (const found of damage)
        expect(found).toEqual([{ path: index, offset, reason: REASON, isHarmless: true }]);
      noticed.push(damage.length);
    }
    // The first line by all, another at least by the product that it is of.
    expect(noticed[0]).toBe(12);
    expect(Math.min(...noticed)).toBeGreaterThan(0);
    expect(noticed.reduce((sum, count) => sum + count, 0)).toBeLessThan((12 * 49) / 2);
  });

  it('gives the same wherever the index is cut, and without one', async () => {
    const folder = await tempFolder();
    await sealProducts(folder);
    const all = await allClusters(pairIn(folder));
    const { index } = pairIn(folder);
    const whole = await readFile(index);
    for (const offset of (await lineOffsets(index)).slice(0, -1)) {
      for (const length of [offset, offset + 60]) {
        await writeFile(index, whole);
        await truncate(index, length);

        const damage = await expectAll(folder, all, PRODUCTS.slice(-1));

        expect(damage.at(-1)).toEqual([{ path: index, offset, reason: REASON, isHarmless: true }]);
      }
    }
    await rm(index);
    await expectAll(folder, all);
  });

  it('gives the same where the disk can not read the index', async () => {
    const folder = await tempFolder();
    await sealProducts(folder);
    const all = await allClusters(pairIn(folder));
    const reads = await watchReads();
    const file = await SealedFile.open(pairIn(folder), () => undefined);
    onTestFinished(() => file?.close());
    reads.failOnce('EIO');

    const clusters: SealedCluster[] = [];
    for await (const one of file?.clustersOf({ customer: 'É', product: '😀', ...WANTED }) ?? [])
      clusters.push(one);

    expect(clusters).toEqual(all.slice(-4).filter(({ day }) => day !== '2026-11-01'));
    expect(reads.lengths()).toContain(1_048_576);
  });
});
