import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WantedClusters } from '../../../../server/store/segments/sealed/find-clusters.ts';
import { IndexFile } from '../../../../server/store/segments/sealed/index-file.ts';
import { MIXED, type ClusterName } from '../../../../server/store/segments/sealed/sealed-index.ts';
import { watchReads } from '../../../support/file-reads.ts';
import { indexLines, lookUp, type ACluster } from '../../../support/sealed-index.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DAY = 86_400_000;
const FIRST = Date.UTC(2026, 9, 1);
const EVERYTHING = { start: -Infinity, end: Infinity };

function dayOf(number: number): string {
  return new Date(FIRST + number * DAY).toISOString().slice(0, 10);
}

/** One begins with another; UTF-8 orders the last two the other way round; half of a pair sorts between them. */
const code = fc.constantFrom('', 'A', 'AB', 'A\u0001', 'a"\\', 'é', '\uffff', '😀', '\ud83d');
const cluster = fc.record({
  customer: code,
  product: code,
  day: fc.option(fc.nat(20).map(dayOf), { freq: 8 }),
  // A line of 100 is as long as a page.
  blocks: fc.oneof(
    { weight: 30, arbitrary: fc.nat(3) },
    { weight: 1, arbitrary: fc.integer({ min: 90, max: 900 }) },
  ),
});
const clusters = fc
  .tuple(fc.uniqueArray(cluster, { maxLength: 120, size: 'max', selector: nameText }), fc.boolean())
  .map(([some, hasMixed]): readonly ACluster[] => {
    const sorted = some.toSorted((a, b) => compareTexts(nameText(a), nameText(b)));
    return hasMixed ? [...sorted, { ...MIXED, blocks: 2 }] : sorted;
  });
const wanted = fc.record({
  customer: code,
  product: code,
  start: fc.oneof(fc.constant(-Infinity), time()),
  end: fc.oneof(fc.constant(Infinity), time()),
});

function time(): fc.Arbitrary<number> {
  return fc
    .tuple(fc.integer({ min: -1, max: 22 }), fc.constantFrom(-1, 0, 1))
    .map(([day, ms]) => FIRST + day * DAY + ms);
}

/** Sorts as the clusters do: no code has a zero, and every day sorts before `stray`. */
function nameText({ customer, product, day }: ClusterName): string {
  return `${customer}\0${product}\0${day ?? 'stray'}`;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function matching(
  all: readonly ACluster[],
  { customer, product, start, end }: WantedClusters,
): readonly string[] {
  return all
    .filter((one) => one.customer === null || (one.customer === customer && one.product === product))
    .filter(({ day }) => day === null || (Date.parse(day) <= end && Date.parse(day) + DAY > start))
    .map(nameText);
}

/** What can become of an index. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant('byte'), at: fc.nat(), byte: fc.constantFrom(0, 10, 34, 97) }),
  fc.record({ kind: fc.constant('cut'), at: fc.nat(), byte: fc.constant(0) }),
  fc.record({ kind: fc.constantFrom('remove', 'swap', 'twice', 'end'), at: fc.nat(), byte: fc.constant(0) }),
);

function damaged(
  lines: readonly Buffer[],
  { kind, at, byte }: { readonly kind: string; readonly at: number; readonly byte: number },
): Buffer {
  const whole = Buffer.concat(lines);
  const number = 1 + (at % Math.max(1, lines.length - 1));
  const [before, line, after] = [
    lines.slice(0, number),
    lines.slice(number, number + 1),
    lines.slice(number + 1),
  ];
  if (kind === 'remove') return Buffer.concat([...before, ...after]);
  if (kind === 'twice') return Buffer.concat([...before, ...line, ...line, ...after]);
  if (kind === 'swap') return Buffer.concat([...before, ...after.slice(0, 1), ...line, ...after.slice(1)]);
  if (kind === 'end') return Buffer.concat(before);
  if (kind === 'cut') return whole.subarray(0, at % whole.length);
  whole[at % whole.length] = byte;
  return whole;
}

/** Has an index of these bytes open while it is used; not at all, if its header can't be read. */
async function withIndex(
  file: string,
  bytes: Uint8Array,
  use: (index: IndexFile) => Promise<void>,
): Promise<void> {
  await writeFile(file, bytes);
  const index = await IndexFile.open(file);
  if (index === undefined) return;
  try {
    await use(index);
  } finally {
    await index.close();
  }
}

/** The names of what a look-up gives, and whether that is all. */
async function namesOf(
  index: IndexFile,
  asked: WantedClusters,
): Promise<readonly [readonly string[], boolean]> {
  const { clusters: found, isWhole } = await lookUp(index, asked);
  return [found.map(nameText), isWhole];
}

async function indexPath(): Promise<string> {
  return path.join(await tempFolder(), 'index.jsonl');
}

describe('findClusters', () => {
  it('finds what matches, and nothing else', async () => {
    const file = await indexPath();
    const questions = fc.array(wanted, { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(clusters, questions, fc.boolean(), async (all, asked, hasBatches) => {
        const ofSome = all
          .slice(-3)
          .flatMap((one) => (one.customer === null ? [] : [{ ...one, ...EVERYTHING }]));
        await withIndex(file, Buffer.concat(indexLines(all, hasBatches)), async (index) => {
          for (const one of [...asked, ...ofSome])
            expect(await namesOf(index, one)).toEqual([matching(all, one), true]);
        });
      }),
    );
  });

  it('finds all, or says before which cluster nothing is missing, where the index is damaged', async () => {
    const file = await indexPath();
    const counts = { whole: 0, damaged: 0 };
    await fc.assert(
      fc.asyncProperty(clusters, wanted, damage, fc.boolean(), async (all, asked, what, hasBatches) => {
        // The product of a cluster that is there, mostly.
        const near = all[what.at % Math.max(1, all.length)] ?? asked;
        await withIndex(file, damaged(indexLines(all, hasBatches), what), async (index) => {
          for (const { customer, product } of [asked, near.customer === null ? asked : near]) {
            const expected = matching(all, { ...asked, customer, product });
            const [names, isWhole] = await namesOf(index, { ...asked, customer, product });
            expect(names).toEqual(isWhole ? expected : expected.slice(0, names.length));
            counts[isWhole ? 'whole' : 'damaged']++;
          }
        });
      }),
      { numRuns: 300 },
    );
    expect(counts.whole).toBeGreaterThan(30);
    expect(counts.damaged).toBeGreaterThan(30);
  });

  it('says so wherever the index of a product that is asked for ends', async () => {
    const file = await indexPath();
    const all = Array.from({ length: 40 }, (_, at) => ({
      customer: 'A',
      product: at < 20 ? 'P' : 'Q',
      day: at % 20 === 19 ? null : dayOf(at % 20),
      blocks: 4,
    }));
    const lines = indexLines(all);
    for (let count = 1; count < lines.length; count++) {
      await withIndex(file, Buffer.concat(lines.slice(0, count)), async (index) => {
        const { clusters: found, isWhole } = await lookUp(index, {
          customer: 'A',
          product: 'Q',
          ...EVERYTHING,
        });
        expect(isWhole).toBe(false);
        expect(found).toHaveLength(Math.max(0, count - 21));
      });
    }
    expect.assertions(80);
  });

  it('does not rely on an index whose clusters are not in order', async () => {
    const days = [0, 1, 3, 2].map((day) => ({ customer: 'A', product: 'P', day: dayOf(day), blocks: 1 }));
    let isWhole: boolean | undefined;
    await withIndex(await indexPath(), Buffer.concat(indexLines(days)), async (index) => {
      [, isWhole] = await namesOf(index, { customer: 'A', product: 'P', ...EVERYTHING });
    });
    expect(isWhole).toBe(false);
  });

  it.each([
    ['large index', [], 70_000],
    // Its line is 20 KB long.
    ['large index that has a mixed cluster', [{ ...MIXED, blocks: 500 }], 95_000],
  ])('reads little of a %s', async (_name, last: readonly ACluster[], maxBytes) => {
    const file = await indexPath();
    const own = Array.from({ length: 10_000 }, (_, at) => ({
      customer: 'A',
      product: `P${String(Math.floor(at / 100)).padStart(3, '0')}`,
      day: at % 100 === 99 ? null : dayOf(at % 100),
      blocks: at % 3,
    }));
    const all = [...own, ...last];
    const bytes = Buffer.concat(indexLines(all));
    expect(bytes.length).toBeGreaterThan(2_000_000);
    const reads = await watchReads();
    const days = { start: FIRST + 30 * DAY, end: FIRST + 31 * DAY - 1 };
    for (const product of ['P000', 'P042', 'P042x', 'P099', 'Q']) {
      reads.clear();
      await withIndex(file, bytes, async (index) => {
        const asked = { customer: 'A', product, ...days };
        expect(await namesOf(index, asked)).toEqual([matching(all, asked), true]);
      });
      expect(reads.bytes()).toBeGreaterThan(0);
      expect(reads.bytes()).toBeLessThan(maxBytes);
    }
    expect.assertions(16);
  });
});
