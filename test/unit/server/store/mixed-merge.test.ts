import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KeptRows } from '../../../../server/store/segments/compaction/kept-rows.ts';
import { runCompaction } from '../../../../server/store/segments/compaction/run-compaction.ts';
import type { StoredEvent } from '../../../support/read-rows.ts';
import { verifyStore } from '../../../../server/store/open-store.ts';
import { hasDropped } from '../../../../server/store/segments/sealed/has-dropped.ts';
import { mergeSealed, type MergeTask } from '../../../../server/store/segments/sealed/merge-sealed.ts';
import { SEAL_LIMITS } from '../../../../server/store/segments/sealed/seal-limits.ts';
import { verifySealed } from '../../../../server/store/segments/sealed/verify-sealed.ts';
import type { Erasure } from '../../../../server/store/erasure.ts';
import { anEvent, FILTER, readAll } from '../../../support/events.ts';
import { expectFull, fillStore, IN_PROCESS, openSmall } from '../../../support/full-store.ts';
import { aBatchNow, logLines, NOW, pairIn, seal, storedEvents } from '../../../support/sealed-files.ts';
import { readPair } from '../../../support/read-rows.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DAY = 86_400_000;
const CODES = ['A', 'B', 'A","product":"B', '\\', 'Ä'];

const event = fc.record({
  at: fc.nat(5),
  day: fc.constantFrom(0, 0, 1, 90),
  customer: fc.constantFrom(...CODES),
  product: fc.constantFrom('P', 'B"'),
  type: fc.constantFrom('T', 'U', 'V'),
  version: fc.constantFrom(undefined, null, '1"'),
});
const batch = fc.array(event, { maxLength: 6 }).map((events) =>
  aBatchNow(
    events.map(({ at, day, version, ...codes }) =>
      anEvent({
        ...codes,
        timestamp: NOW + at - day * DAY,
        ...(version !== undefined && { version }),
      }),
    ),
  ),
);
const segment = fc.record({
  batches: fc.array(batch, { maxLength: 4 }),
  maxClusters: fc.nat(6),
  maxTypes: fc.integer({ min: 0, max: 3 }),
});

/** Makes a new pair of files; returns it. */
async function merge(folder: string, name: string, task: Omit<MergeTask, 'output'>) {
  const output = pairIn(folder, name);
  await rm(output.data, { force: true });
  await rm(output.index, { force: true });
  const { summary, damage } = await mergeSealed({ ...task, output });
  expect(damage).toEqual([]);
  expect(await verifySealed(output)).toEqual([]);
  return { output, summary };
}

async function expectEvents(pair: MergeTask['output'], events: readonly StoredEvent[]): Promise<void> {
  for (const customer of CODES) {
    for (const product of ['P', 'B"']) {
      const { events: found, damage } = await readPair(pair, { customer, product });
      for (const { path: file } of damage) expect(file).toBe(pair.index);
      expect(found).toEqual(events.filter((one) => one.customer === customer && one.product === product));
    }
  }
}

describe('merging segments with mixed clusters', () => {
  it('keeps each event once, less what is erased or has expired', async () => {
    const folder = await tempFolder();
    const segments = fc.array(segment, { minLength: 1, maxLength: 4 });
    const left = fc.record({ erased: fc.constantFrom(...CODES), before: fc.constantFrom(0, NOW - DAY + 2) });
    await fc.assert(
      fc.asyncProperty(segments, left, async (parts, { erased, before }) => {
        const inputs: MergeTask['inputs'][number][] = [];
        let position = 1;
        for (const [number, { batches, ...limits }] of parts.entries()) {
          const pair = pairIn(folder, `in${number}`);
          await rm(pair.data, { force: true });
          await rm(pair.index, { force: true });
          await seal(folder, logLines(batches, position), `in${number}`, { ...SEAL_LIMITS, ...limits });
          expect(await verifySealed(pair)).toEqual([]);
          inputs.push(pair);
          position += batches.length;
        }
        const all = storedEvents(parts.flatMap(({ batches }) => batches));

        const merged = await merge(folder, 'merged', { inputs });

        expect(merged.summary.rows).toBe(all.length);
        await expectEvents(merged.output, all);

        const erasure: Erasure = { number: 1, askedMs: 0, position: 5, customer: erased };
        const isKept = ({ customer, timestamp, position: at }: StoredEvent): boolean =>
          timestamp >= before && (customer !== erased || at > 5);
        const without = { erasures: [erasure], before };
        const keep = new KeptRows(without);
        const rest = await merge(folder, 'rest', { inputs: [merged.output], keep });

        await expectEvents(rest.output, all.filter(isKept));
        expect(keep.erased.map(([, events]) => events)).toEqual(
          [all.filter((one) => one.timestamp >= before && !isKept(one)).length].filter((count) => count > 0),
        );
        expect(await hasDropped(merged.output, new KeptRows(without))).toBe(!all.every(isKept));
        expect(await hasDropped(rest.output, new KeptRows(without))).toBe(false);

        await rm(rest.output.index);
        await expectEvents(rest.output, all.filter(isKept));
      }),
      { numRuns: 80 },
    );
  }, 60_000);
});

describe('a store whose sealed segments have mixed clusters', () => {
  it('has each event once, merged and reopened, and nothing of a customer who is erased', async () => {
    const folder = await tempFolder();
    const full = await fillStore(folder, 60);
    const limits = { ...SEAL_LIMITS, maxClusters: 1 };
    const store = await openSmall(folder, {
      ...IN_PROCESS,
      run: (task) => runCompaction(task.kind === 'seal' ? { ...task, limits } : task),
    });
    await store.compacted();
    await expectFull(store, full);
    await store.close();
    const again = await openSmall(folder, IN_PROCESS);
    onTestFinished(() => again.close());
    await expectFull(again, full);

    await again.erase({ customer: 'TGAM' }, 7);
    await again.compacted();

    expect(again.erasures()).toMatchObject([{ events: 60, doneMs: 0 }]);
    expect(await readAll(again, { ...FILTER, customer: 'TGAM' })).toEqual([]);
    expect(await readAll(again)).toHaveLength(120);
    const sealed = path.join(folder, 'sealed');
    const texts = await Promise.all(
      (await readdir(sealed)).map((name) => readFile(path.join(sealed, name), 'utf8')),
    );
    expect(texts.filter((text) => text.includes('TGAM'))).toEqual([]);
    expect(texts.some((text) => text.includes('"customer":null'))).toBe(true);
    for await (const { damage } of verifyStore(`file:${folder}`)) expect(damage).toEqual([]);
  });
});
