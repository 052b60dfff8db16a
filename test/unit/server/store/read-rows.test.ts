import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReportFilter } from '../../../../shared/report.ts';
import { erasedKey, erasureOf } from '../../../../server/store/erasure.ts';
import type { SnapshotSealed, SnapshotSegment } from '../../../../server/store/event-store.ts';
import type { StoredEvent } from '../../../support/read-rows.ts';
import type { ReadLimits } from '../../../../server/store/segments/rows/read-limits.ts';
import { SEAL_LIMITS } from '../../../../server/store/segments/sealed/seal-limits.ts';
import { anEvent, FILTER, type ABatch } from '../../../support/events.ts';
import { readWithin, snapshotOf } from '../../../support/read-rows.ts';
import { aBatchNow, logLines, NOW, pairIn, seal, storedEvents } from '../../../support/sealed-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DAY = 86_400_000;
const TYPES = ['T', 'U', 'V"', 'Ä'];

const event = fc.record({
  at: fc.nat(9),
  /** Some days before, or so long that the number is short. */
  day: fc.constantFrom(0, 0, 0, 1, 2, 90, 91, Infinity),
  customer: fc.constantFrom(FILTER.customer, FILTER.customer, FILTER.customer, 'B"', 'C'),
  type: fc.constantFrom(...TYPES),
  context: fc.array(fc.constantFrom(null, 'a', 'aaaa', 'b"\\', `${'c'.repeat(60)}},{`, '[{', '\n😀'), {
    maxLength: 3,
  }),
  version: fc.constantFrom(undefined, null, '1"'),
});
const batch = fc
  .record({
    events: fc.array(event, { maxLength: 8 }),
    refused: fc.constantFrom([], [], [0], [1, 3]),
    refusedEvent: fc.constantFrom({}, { type: 'T' }, { ...FILTER }, { ...FILTER, type: '},{"' }),
    skew: fc.constantFrom(null, 0, -5),
  })
  .map(({ events, refused, refusedEvent, skew }): ABatch => {
    const rejected = refused
      .filter((sequence) => sequence < events.length + refused.length)
      .map((sequence) => ({ sequence, code: 'EVENT_TOO_LARGE' as const, path: '', event: refusedEvent }));
    return aBatchNow(
      events.map(({ at, day, version, ...rest }) =>
        anEvent({
          ...rest,
          timestamp: day === Infinity ? at : NOW + at - day * DAY,
          ...(version !== undefined && { version }),
        }),
      ),
      { contents: { rejected, skew } },
    );
  });
const segment = fc.record({
  batches: fc.array(batch, { maxLength: 6 }),
  isSealed: fc.boolean(),
  maxClusters: fc.constantFrom(0, 1, 3, 100),
  hasIndex: fc.constantFrom(true, true, true, false),
});
const wanted = fc.record(
  {
    types: fc.subarray([...TYPES, 'NONE']),
    start: fc.constantFrom(NOW - 91 * DAY, NOW - DAY + 3, NOW + 4),
    end: fc.constantFrom(NOW - 90 * DAY, NOW - 2 * DAY + 5, NOW + 4),
  },
  { requiredKeys: [] },
);
const limits = fc.record({
  maxRuns: fc.constantFrom(1, 2, 32),
  readBytes: fc.constantFrom(1, 300, 100_000),
  logThreadBytes: fc.constant(Infinity),
  logChunkBytes: fc.constantFrom(200, 3_000, 100_000),
  arenaBytes: fc.constantFrom(1, 500, 3_000, 100_000),
  arenaRows: fc.constantFrom(1, 7, 1_000),
  maxSpilledRuns: fc.constantFrom(2, 3, 64),
});

const VALUE = { name: 'who', value: 'a', places: { [FILTER.product]: { T: 0, U: 1 } } };
const erasure = fc.record(
  {
    number: fc.constant(1),
    askedMs: fc.constant(0),
    position: fc.constantFrom(2, 5, 100),
    customer: fc.constantFrom(FILTER.customer, 'C'),
    before: fc.constantFrom(NOW - DAY + 4, NOW + 5),
    key: fc.constant(erasedKey(VALUE, 'salt')),
  },
  { requiredKeys: ['number', 'askedMs', 'position', 'customer'] },
);

interface Segment {
  readonly batches: readonly ABatch[];
  readonly isSealed: boolean;
  readonly maxClusters: number;
  readonly hasIndex: boolean;
}

/** Writes the files of segments that follow one another. */
async function write(folder: string, parts: readonly Segment[]) {
  const sealed: SnapshotSealed[] = [];
  const segments: SnapshotSegment[] = [];
  let position = 1;
  for (const [number, { batches, isSealed, maxClusters, hasIndex }] of parts.entries()) {
    const lines = logLines(batches, position);
    position += batches.length;
    if (isSealed) {
      const files = pairIn(folder, `${number}`);
      await rm(files.data, { force: true });
      await rm(files.index, { force: true });
      await seal(folder, lines, `${number}`, { ...SEAL_LIMITS, maxClusters });
      if (!hasIndex) await rm(files.index);
      sealed.push({ files, times: [[0, Infinity]] });
    } else {
      const file = path.join(folder, `${number}.log`);
      await writeFile(file, Buffer.concat(lines));
      segments.push({ path: file, length: Buffer.concat(lines).length, dropped: [] });
    }
  }
  return { sealed, segments };
}

describe('reading rows', () => {
  it('gives what a list of all events would, in order, within any bounds', async () => {
    const folder = await tempFolder();
    const parts = fc.array(segment, { minLength: 1, maxLength: 6 });
    const snapshot = fc.record({
      position: fc.constantFrom(3, 10, Infinity),
      expiredBefore: fc.constantFrom(0, 0, NOW - DAY + 2),
      erasures: fc.array(erasure, { maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(parts, wanted, snapshot, limits, async (list, filter, taken, within: ReadLimits) => {
        const files = await write(folder, list);
        const request: ReportFilter = { ...FILTER, ...filter };

        const { events, damage } = await readWithin(within, snapshotOf({ ...files, ...taken }), request);

        const { types = [], start = 0, end = Infinity } = filter;
        const isMatch = (one: StoredEvent): boolean =>
          erasureOf(taken.erasures, one, one.position) === undefined &&
          one.customer === FILTER.customer &&
          one.product === FILTER.product &&
          one.timestamp >= Math.max(start, taken.expiredBefore) &&
          one.timestamp <= end &&
          (types.length === 0 || types.includes(one.type)) &&
          one.position <= taken.position;
        expect(events).toEqual(storedEvents(list.flatMap(({ batches }) => batches)).filter(isMatch));
        for (const { path: file, isHarmless } of damage) {
          expect(file).toContain('index');
          expect(isHarmless).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});
