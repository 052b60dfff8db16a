import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ReportFilter } from '../../../../shared/report.ts';
import type { StoredEvent } from '../../../support/read-rows.ts';
import { isCluster } from '../../../../server/store/segments/sealed/sealed-index.ts';
import { anEvent, FILTER } from '../../../support/events.ts';
import { watchReads } from '../../../support/file-reads.ts';
import { readPair, type ReadEvents } from '../../../support/read-rows.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import {
  aBatchNow,
  jsonLines,
  logLines,
  NOW,
  pairIn,
  seal,
  storedEvents,
} from '../../../support/sealed-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DAY = 86_400_000;
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

async function read(
  folder: string,
  filter: Partial<ReportFilter> = {},
  position = Infinity,
): Promise<ReadEvents> {
  return readPair(pairIn(folder), { ...FILTER, ...filter }, position);
}

/** Two products, three days and one stray event; a batch for each event. */
function someBatches() {
  const batches = [];
  for (let at = 0; at < 36; at++) {
    const timestamp = NOW - (at % 3) * DAY + at;
    batches.push(
      aBatchNow(
        [
          anEvent({ timestamp, type: at % 2 === 0 ? 'EVEN' : 'ODD', context: [`"${at}\n`] }),
          anEvent({ timestamp, product: 'CHARTS' }),
        ],
        { identity: { batch: id(100 - at) } },
      ),
    );
  }
  batches.push(aBatchNow([anEvent({ timestamp: NOW - 90 * DAY, type: 'LATE' })]));
  return batches;
}

/** One cluster of more than one block, with a row each millisecond. */
function manyRows() {
  return aBatchNow(
    Array.from({ length: 3_000 }, (_, at) => anEvent({ timestamp: NOW + at, context: [`row ${at} end`] })),
  );
}

describe('reading a sealed segment', () => {
  it('gives the events of a product, whatever is asked of them, as the log would', async () => {
    const folder = await tempFolder();
    const batches = someBatches();
    await seal(folder, logLines(batches));
    const all = storedEvents(batches).filter(({ product }) => product === FILTER.product);
    const expectSame = async (
      filter: Partial<ReportFilter>,
      isMatch: (event: StoredEvent) => boolean,
      position?: number,
    ): Promise<void> => {
      const { events, damage } = await read(folder, filter, position);
      const expected = all.filter(isMatch);
      expect(events).toEqual(expected);
      expect(damage).toEqual([]);
      expect(expected.length).toBeGreaterThan(0);
    };

    await expectSame({}, () => true);
    await expectSame({ types: [] }, () => true);
    await expectSame({ types: ['ODD', 'NONE'] }, ({ type }) => type === 'ODD');
    await expectSame({ types: ['LATE'] }, ({ type }) => type === 'LATE');
    const [start, end] = [NOW - DAY + 4, NOW + 3];
    await expectSame({ start, end }, ({ timestamp }) => timestamp >= start && timestamp <= end);
    await expectSame({ start: NOW + 3 }, ({ timestamp }) => timestamp >= NOW + 3);
    await expectSame({ end: NOW - 80 * DAY }, ({ timestamp }) => timestamp <= NOW - 80 * DAY);
    await expectSame({}, ({ position }) => position <= 7, 7);
    expect((await read(folder, { customer: 'NOBODY' })).events).toEqual([]);
    expect((await read(folder, { types: ['constructor'] })).events).toEqual([]);
    expect((await read(folder, {}, 0)).events).toEqual([]);
  });

  it('reads only blocks that can have what is asked for', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines([manyRows()]));
    const cluster = (await jsonLines(pairIn(folder).index)).find(isCluster);
    const second = cluster?.blocks[1]?.[2] ?? 0;
    const third = cluster?.blocks[2]?.[2] ?? 0;
    const reads = await watchReads();
    const lengths = (cluster?.blocks ?? []).map(([bytes]) => bytes);
    // Those side by side are read together.
    const blocksOf = new Map<number, number>();
    for (const from of lengths.keys()) {
      for (let to = from + 1; to <= lengths.length; to++) {
        const bytes = lengths.slice(from, to).reduce((sum, length) => sum + length, 0);
        blocksOf.set(bytes, to - from);
      }
    }
    const blocksRead = async (filter: Partial<ReportFilter>) => {
      reads.clear();
      const { events } = await read(folder, filter);
      return {
        events: events.length,
        blocks: reads.lengths().reduce((sum, length) => sum + (blocksOf.get(length) ?? 0), 0),
      };
    };

    expect(await blocksRead({ start: second + 1, end: second + 1 })).toEqual({ events: 1, blocks: 1 });
    // The first row of a block may have the timestamp of the last one before.
    expect(await blocksRead({ start: second, end: second })).toEqual({ events: 1, blocks: 2 });
    expect(await blocksRead({ start: second + 1, end: third })).toEqual({
      events: third - second,
      blocks: 2,
    });
    expect(await blocksRead({ types: ['NONE', 'constructor'] })).toEqual({ events: 0, blocks: 0 });
    expect(await blocksRead({ start: NOW + 3_000 })).toEqual({ events: 0, blocks: 0 });
  });

  it('keeps the readable rows of a damaged block, and reports the others', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines([manyRows()]));
    const { data } = pairIn(folder);
    const offsets = await lineOffsets(data);
    // The file's and the cluster's first lines come before row 0.
    const at = (row: number) => offsets[row + 2] ?? 0;
    await overwrite(data, at(4), '{');
    await overwrite(data, at(7) + 1, '9');
    await overwrite(data, at(9) - 1, ' ');

    const { events, damage } = await read(folder);

    const lost = new Set([4, 7, 8, 9]);
    expect(events.map(({ timestamp }) => timestamp - NOW)).toEqual(
      [...Array(3_000).keys()].filter((row) => !lost.has(row)),
    );
    expect(damage).toEqual(
      [4, 7, 8].map((row) => ({ path: data, offset: at(row), reason: 'the line is damaged' })),
    );
  });

  it('reports a block whose rows can all be read although it is damaged', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines([manyRows()]));
    const { data } = pairIn(folder);
    const text = await readFile(data, 'latin1');
    await overwrite(data, text.indexOf('row 5 end'), 'r0w');

    const { events, damage } = await read(folder);

    expect(events).toHaveLength(3_000);
    expect(events[5]?.context).toEqual(['r0w 5 end']);
    const cluster = (await jsonLines(pairIn(folder).index)).find(isCluster);
    expect(damage).toEqual([
      { path: data, offset: cluster?.offset, reason: 'the checksum of these lines is wrong' },
    ]);
  });

  it('does not take bytes that are no text for one', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines([manyRows()]));
    const { data } = pairIn(folder);
    const at = (await readFile(data, 'latin1')).indexOf('row 5 end');
    const file = await open(data, 'r+');
    await file.write(Buffer.of(0xc3), 0, 1, at);
    await file.close();

    const { events, damage } = await read(folder);

    expect(events).toHaveLength(2_999);
    expect(damage).toHaveLength(1);
  });

  it('reports where the data file ends too early', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines([manyRows()]));
    const { data } = pairIn(folder);
    const cut = (await lineOffsets(data))[1_002] ?? 0;
    await truncate(data, cut);

    const { events, damage } = await read(folder);

    expect(events).toHaveLength(1_000);
    expect(damage).toContainEqual({ path: data, offset: cut, reason: 'the file ends too early' });
  });

  it('reports a missing data file', async () => {
    const folder = await tempFolder();
    const { data } = pairIn(folder);

    expect(await read(folder)).toEqual({
      events: [],
      damage: [{ path: data, offset: 0, reason: 'the file is missing' }],
    });
  });
});

describe('reading a sealed segment without a whole index', () => {
  const REASON = 'the index is missing or damaged: the data file is read instead';

  it('finds the same when the index is missing, or damaged or cut anywhere', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines(someBatches()));
    const { index } = pairIn(folder);
    const whole = await readFile(index);
    const offsets = await lineOffsets(index);
    const expected = (await read(folder)).events;

    await rm(index);
    expect(await read(folder)).toMatchObject({
      events: expected,
      damage: [{ path: index, offset: 0, reason: REASON, isHarmless: true }],
    });
    for (const offset of offsets.slice(0, -1)) {
      await writeFile(index, whole);
      await overwrite(index, offset + 60, '#');
      const damaged = await read(folder);
      expect(damaged).toMatchObject({
        events: expected,
        damage: [{ path: index, offset, reason: REASON, isHarmless: true }],
      });
      await truncate(index, offset);
      const cut = await read(folder);
      expect(cut).toMatchObject({
        events: expected,
        damage: [{ path: index, offset, reason: REASON, isHarmless: true }],
      });
    }
  });

  it('says of damage by which no event is lost that it is harmless', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines([manyRows()]));
    const { data, index } = pairIn(folder);
    const expected = (await read(folder)).events;
    await rm(index);
    const cluster = (await lineOffsets(data))[1] ?? 0;
    await overwrite(data, cluster + '{"v":'.length, '7');

    const { events, damage } = await read(folder);

    expect(events).toEqual(expected);
    expect(damage).toMatchObject([
      { path: index, isHarmless: true },
      { path: data, offset: cluster, isHarmless: true },
    ]);
  });

  it('gives no rows of which it does not know whose they are', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines(someBatches()));
    const { data, index } = pairIn(folder);
    await rm(index);
    const lines = await jsonLines(data);
    const headers = lines.flatMap((line, at) => (Array.isArray(line) ? [] : [at]));
    const offsets = await lineOffsets(data);
    // The second of the three days of PORTFOLIO, whose clusters come after those of CHARTS.
    const lost = headers[5] ?? 0;
    const lostAt = offsets[lost] ?? 0;
    const before = (await read(folder)).events;
    await overwrite(data, lostAt + 30, '#');

    const { events, damage } = await read(folder);

    const next = headers[6] ?? 0;
    const lostRows = lines.slice(lost + 1, next).map((row) => (Array.isArray(row) ? Number(row[0]) : 0));
    expect(lostRows).toHaveLength(12);
    expect(events).toEqual(before.filter(({ timestamp }) => !lostRows.includes(timestamp)));
    expect(damage.slice(1)).toEqual([
      {
        path: data,
        offset: lostAt,
        reason: 'the line is damaged, and with it whose the rows behind it are',
      },
    ]);
  });

  it('gives no rows of one product as those of another', async () => {
    const folder = await tempFolder();
    const [first, second] = ['CHARTS', FILTER.product].map((product) => anEvent({ timestamp: NOW, product }));
    if (first === undefined || second === undefined) throw new Error('there are two');
    await seal(folder, logLines([aBatchNow([first, second])]));
    const { data, index } = pairIn(folder);
    await rm(index);
    await overwrite(data, ((await lineOffsets(data))[3] ?? 0) + 30, '#');

    const charts = await read(folder, { product: 'CHARTS' });

    expect(charts.events).toHaveLength(1);
    expect(charts.damage).toHaveLength(2);
    expect((await read(folder)).events).toEqual([]);
  });
});
