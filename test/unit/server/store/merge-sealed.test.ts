import { readFile, rm, stat } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FilePair } from '../../../../server/store/segments/batch-record.ts';
import { mergeSealed, type MergeTask } from '../../../../server/store/segments/sealed/merge-sealed.ts';
import { isIndexHeader } from '../../../../server/store/segments/sealed/sealed-index.ts';
import { verifySealed } from '../../../../server/store/segments/sealed/verify-sealed.ts';
import { anEvent, type ABatch } from '../../../support/events.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import {
  aBatchNow,
  clustersIn,
  jsonLines,
  logLines,
  NOW,
  pairIn,
  seal,
} from '../../../support/sealed-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DAY = 86_400_000;
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const ledger = { dropped: 1, expired: 2, rejected: 3, unconfirmed: 4 };
const refusal = { sequence: 0, code: 'EVENT_TYPE_UNKNOWN' as const, path: 'type', event: {} };

/** Seals batches in several segments, by position, and merges these. */
async function sealAndMerge(
  folder: string,
  segments: readonly (readonly ABatch[])[],
  keep?: MergeTask['keep'],
) {
  const inputs: FilePair[] = [];
  let position = 1;
  for (const [number, batches] of segments.entries()) {
    await rm(pairIn(folder, `in${number}`).data, { force: true });
    await rm(pairIn(folder, `in${number}`).index, { force: true });
    await seal(folder, logLines(batches, position), `in${number}`);
    inputs.push(pairIn(folder, `in${number}`));
    position += batches.length;
  }
  const output = pairIn(folder, 'out');
  await rm(output.data, { force: true });
  await rm(output.index, { force: true });
  return mergeSealed(keep === undefined ? { inputs, output } : { inputs, output, keep });
}

async function contents(folder: string, name: string): Promise<readonly string[]> {
  const { data, index } = pairIn(folder, name);
  return [await readFile(data, 'utf8'), await readFile(index, 'utf8')];
}

/** Many events of few products and days, with many timestamps that are equal. */
const event = fc.record({
  at: fc.nat(6),
  day: fc.constantFrom(0, 0, 0, 1, 90),
  product: fc.constantFrom('P', 'Q'),
  type: fc.constantFrom('T', 'U"', '__proto__'),
  context: fc.array(fc.constantFrom('],[', '"', 'x'), { maxLength: 2 }),
});
const batch = fc
  .record({ events: fc.array(event, { maxLength: 5 }), isNotable: fc.boolean() })
  .map(({ events, isNotable }) =>
    aBatchNow(
      events.map(({ at, day, product, type, context }) =>
        anEvent({ timestamp: NOW + at - day * DAY, product, type, context }),
      ),
      { contents: isNotable ? { ledger, rejected: [refusal] } : {} },
    ),
  );

describe('mergeSealed', () => {
  it('makes of several segments what sealing all of their batches at once would', async () => {
    const folder = await tempFolder();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(batch, { maxLength: 5 }), { maxLength: 4 }), async (segments) => {
        const merged = await sealAndMerge(folder, segments);

        await rm(pairIn(folder, 'all').data, { force: true });
        await rm(pairIn(folder, 'all').index, { force: true });
        const sealed = await seal(folder, logLines(segments.flat()), 'all');
        // The notes of durable bytes differ, which are not kept.
        expect(await contents(folder, 'out')).toEqual(await contents(folder, 'all'));
        expect(merged).toEqual({ summary: sealed.summary, damage: [], damaged: [] });
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('does so over many blocks, with runs that overlap and runs that do not', async () => {
    const folder = await tempFolder();
    const rows = (from: number, step: number) =>
      Array.from({ length: 4 }, (_, part) =>
        aBatchNow(
          Array.from({ length: 700 }, (_event, at) =>
            anEvent({ timestamp: NOW + from + (part * 700 + at) * step, context: ['x'.repeat(at % 90)] }),
          ),
        ),
      );
    const large = [aBatchNow([anEvent({ timestamp: NOW + 5, context: ['y'.repeat(400_000)] })])];
    const segments = [rows(0, 1), rows(1_000, 1), rows(20_000, 2), rows(1, 2), large];

    await sealAndMerge(folder, segments);

    await seal(folder, logLines(segments.flat()), 'all');
    expect(await contents(folder, 'out')).toEqual(await contents(folder, 'all'));
    expect((await stat(pairIn(folder, 'out').data)).size).toBeGreaterThan(1_000_000);
  });

  it('drops the rows that a filter does not keep, and clusters without any row', async () => {
    const folder = await tempFolder();
    const asked: (string | null)[] = [];
    const batches = ['P', 'Q', 'R'].map((product, at) =>
      aBatchNow(
        [1, 2, 3].map((more) => anEvent({ product, timestamp: NOW + more, context: [`user-${more}`] })),
        { identity: { batch: id(at) }, contents: { ledger } },
      ),
    );

    const { summary, damage } = await sealAndMerge(
      folder,
      batches.map((one) => [one]),
      {
        ofCluster: ({ product }) => (product === 'P' ? 'all' : product === 'Q' ? 'none' : 'some'),
        keepsRow: ([, , context], { product }) => {
          asked.push(product);
          return context[0] !== 'user-2';
        },
        ofBatch: (line) => (line.position === 2 ? undefined : line),
      },
    );

    const rows = (await jsonLines(pairIn(folder, 'out').data)).filter(Array.isArray);
    expect(rows.map((row: readonly unknown[]) => [row[0], row[3]])).toEqual([
      [NOW + 1, id(0)],
      [NOW + 2, id(0)],
      [NOW + 3, id(0)],
      [NOW + 1, id(2)],
      [NOW + 3, id(2)],
    ]);
    expect(asked).toEqual(['R', 'R', 'R']);
    expect(summary).toMatchObject({ rows: 5, batches: 3, from: NOW + 1, ledger: { dropped: 2 } });
    expect((await jsonLines(pairIn(folder, 'out').index)).find(isIndexHeader)).toMatchObject({
      clusters: 2,
      rows: 5,
    });
    expect(damage).toEqual([]);
  });

  it('keeps the readable lines of damaged blocks, reports the others, and counts what it keeps', async () => {
    const folder = await tempFolder();
    const rows = Array.from({ length: 20 }, (_, at) => anEvent({ timestamp: NOW + at, type: `T${at % 2}` }));
    const notable = [1, 2].map((at) => aBatchNow([], { identity: { batch: id(at) }, contents: { ledger } }));
    await seal(folder, logLines([aBatchNow(rows), ...notable]), 'a');
    await seal(folder, logLines([aBatchNow(rows)], 4), 'b');
    const { data } = pairIn(folder, 'a');
    const offsets = await lineOffsets(data);
    await overwrite(data, offsets[4] ?? 0, '#');
    // A timestamp that is later, but not beyond what the block can have.
    await overwrite(data, (offsets[6] ?? 0) + String(NOW).length, '9');
    await overwrite(data, offsets[23] ?? 0, '#');

    const inputs = [pairIn(folder, 'a'), pairIn(folder, 'b')];
    const { summary, damage } = await mergeSealed({ inputs, output: pairIn(folder, 'out') });

    const lines = await jsonLines(pairIn(folder, 'out').data);
    const timestamps = lines.filter(Array.isArray).map((row: readonly number[]) => (row[0] ?? 0) - NOW);
    const left = [...Array(20).keys()].filter((at) => at !== 2 && at !== 4);
    expect(timestamps).toEqual([...left, 9, ...Array(20).keys()].toSorted((a, b) => a - b));
    expect(damage).toEqual([
      { path: data, offset: offsets[4], reason: 'the line is damaged' },
      { path: data, offset: offsets[23], reason: 'the line is damaged' },
    ]);
    expect(summary).toMatchObject({ rows: 39, batches: 4, ledger, firstPosition: 1, lastPosition: 4 });
    const [cluster] = lines.slice(1, 2);
    expect(cluster).toMatchObject({ product: 'PORTFOLIO' });
    expect((await clustersIn(folder, 'out'))[0]).toMatchObject({
      rows: 39,
      types: { T0: 18 + 1, T1: 20 },
    });
  });

  it('leaves out a row whose position is damaged to that of another segment, and makes files that are whole', async () => {
    const folder = await tempFolder();
    const events = [0, 1].map((at) => anEvent({ timestamp: NOW + at }));
    await seal(folder, logLines([aBatchNow(events)], 5), 'a');
    const input = pairIn(folder, 'a');
    const [, , offset = 0] = await lineOffsets(input.data);
    const text = await readFile(input.data, 'latin1');
    await overwrite(input.data, text.indexOf(`,0,5,${NOW}`, offset) + 3, '9');
    const output = pairIn(folder, 'out');

    const { summary, damage } = await mergeSealed({ inputs: [input], output });

    expect(summary).toMatchObject({ rows: 1, firstPosition: 5, lastPosition: 5 });
    expect(damage).toEqual([{ path: input.data, offset, reason: 'the line is damaged' }]);
    expect(await verifySealed(output)).toEqual([]);
  });

  it('does without the index of an input, as far as the data file says the same', async () => {
    const folder = await tempFolder();
    const batches = [1, 2, 3].map((at) =>
      aBatchNow([anEvent({ timestamp: NOW + at })], { contents: at === 2 ? { ledger } : {} }),
    );
    await seal(folder, logLines(batches.slice(0, 1), 1), 'a');
    await seal(folder, logLines(batches.slice(1), 2), 'b');
    await rm(pairIn(folder, 'b').index);

    const inputs = [pairIn(folder, 'a'), pairIn(folder, 'b')];
    const { summary, damage } = await mergeSealed({ inputs, output: pairIn(folder, 'out') });

    await seal(folder, logLines(batches), 'all');
    expect((await contents(folder, 'out'))[0]).toEqual((await contents(folder, 'all'))[0]);
    expect(summary).toMatchObject({ rows: 3, firstPosition: 1, lastPosition: 3, ledger });
    expect(damage.map(({ path }) => path)).toEqual([pairIn(folder, 'b').index]);
  });

  it('makes nothing of inputs of which one is missing: it may come back', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines([aBatchNow([anEvent()])]), 'a');
    const gone = pairIn(folder, 'gone');

    const inputs = [gone, pairIn(folder, 'a')];
    await expect(mergeSealed({ inputs, output: pairIn(folder, 'out') })).rejects.toThrow(
      `${gone.data} is missing`,
    );
  });

  it('names every input that has damage, however much one has', async () => {
    const folder = await tempFolder();
    const rows = Array.from({ length: 1_200 }, (_, at) => anEvent({ timestamp: NOW + at }));
    const inputs = ['a', 'b'].map((name) => pairIn(folder, name));
    await seal(folder, logLines([aBatchNow(rows)]), 'a');
    await seal(folder, logLines([aBatchNow(rows)], 2), 'b');
    const [first, second] = inputs.map(({ data }) => data);
    for (const offset of (await lineOffsets(first ?? '')).slice(2, -1))
      await overwrite(first ?? '', offset, '#');
    await overwrite(second ?? '', (await lineOffsets(second ?? ''))[9] ?? 0, '#');

    const { damage, damaged } = await mergeSealed({ inputs, output: pairIn(folder, 'out') });

    expect(damage).toHaveLength(1_000);
    expect(damaged).toEqual([first, second]);
  });
});
