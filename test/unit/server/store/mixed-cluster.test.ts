import { readFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { UsageEvent } from '../../../../shared/event.ts';
import { SEAL_LIMITS, type SealLimits } from '../../../../server/store/segments/sealed/seal-limits.ts';
import { SealedFile } from '../../../../server/store/segments/sealed/sealed-file.ts';
import { verifySealed } from '../../../../server/store/segments/sealed/verify-sealed.ts';
import { anEvent, FILTER, type ABatch } from '../../../support/events.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import {
  aBatchNow,
  clustersIn,
  logLines,
  NOW,
  pairIn,
  seal,
  storedEvents,
} from '../../../support/sealed-files.ts';
import { readPair } from '../../../support/read-rows.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DAY = 86_400_000;
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

type Codes = Pick<UsageEvent, 'customer' | 'product'>;

async function sealAll(batches: readonly ABatch[], limits: Partial<SealLimits> = {}): Promise<string> {
  const folder = await tempFolder();
  await seal(folder, logLines(batches), 'sealed', { ...SEAL_LIMITS, ...limits });
  return folder;
}

function read(folder: string, codes: Codes) {
  return readPair(pairIn(folder), { customer: codes.customer, product: codes.product });
}

/** Each event of a customer of its own, with a time and a context that tell which it is. */
function hostileEvents(count: number, customerOf: (at: number) => string): readonly UsageEvent[] {
  return Array.from({ length: count }, (_, at) =>
    anEvent({ customer: customerOf(at), timestamp: NOW + at, context: [`row ${at} end`] }),
  );
}

describe('the mixed cluster', () => {
  it('comes last, with the rows of all that came after the last cluster of its own, and their codes', async () => {
    const event = (changes: Partial<UsageEvent>) => anEvent({ type: 'T', context: [], ...changes });
    const folder = await sealAll(
      [
        aBatchNow(
          [
            event({ customer: 'Z', timestamp: NOW }),
            event({ customer: 'A', timestamp: NOW - 90 * DAY }),
            event({ customer: 'B', timestamp: NOW + 2, version: '1' }),
            event({ customer: 'Z', timestamp: NOW + 3 }),
            event({ customer: 'Z', timestamp: NOW - DAY, version: null }),
            event({ customer: 'Q"\\', product: 'ü', timestamp: NOW - 90 * DAY, type: 'U' }),
          ],
          { identity: { batch: id(1) } },
        ),
      ],
      { maxClusters: 2 },
    );

    const lines = (await readFile(pairIn(folder).data, 'utf8')).split('\n');
    expect(lines.map((line) => line.replace(/"crc":"[0-9a-f]{8}"/, '"crc":""'))).toEqual([
      '{"v":1,"crc":"","kind":"sealed"}',
      '{"v":1,"crc":"","customer":"A","product":"PORTFOLIO","day":null}',
      `[${NOW - 90 * DAY},"T",[],"${id(1)}",1,1,${NOW},null]`,
      '{"v":1,"crc":"","customer":"Z","product":"PORTFOLIO","day":"2026-11-01"}',
      `[${NOW},"T",[],"${id(1)}",0,1,${NOW},null]`,
      `[${NOW + 3},"T",[],"${id(1)}",3,1,${NOW},null]`,
      '{"v":1,"crc":"","customer":null,"product":null,"day":null}',
      `[${NOW - 90 * DAY},"U",[],"${id(1)}",5,1,${NOW},null,{"customer":"Q\\"\\\\","product":"ü"}]`,
      `[${NOW - DAY},"T",[],"${id(1)}",4,1,${NOW},null,{"customer":"Z","product":"PORTFOLIO"},null]`,
      `[${NOW + 2},"T",[],"${id(1)}",2,1,${NOW},null,{"customer":"B","product":"PORTFOLIO"},"1"]`,
      '',
    ]);
    const [, , mixed] = await clustersIn(folder);
    expect(mixed).toMatchObject({
      customer: null,
      rows: 3,
      from: NOW - 90 * DAY,
      to: NOW + 2,
      types: { T: 2, U: 1 },
    });
    expect(await verifySealed(pairIn(folder))).toEqual([]);
  });

  it('keeps index and clusters few, however many customers and types are sent', async () => {
    const events = hostileEvents(12_000, (at) => `customer ${at}`).map((event, at) => ({
      ...event,
      type: `type ${at}`,
    }));
    const batches = Array.from({ length: 12 }, (_, at) =>
      aBatchNow(events.slice(at * 1_000, (at + 1) * 1_000)),
    );

    const folder = await sealAll(batches);

    const clusters = await clustersIn(folder);
    expect(clusters).toHaveLength(SEAL_LIMITS.maxClusters + 1);
    expect(clusters.at(-1)).toMatchObject({ customer: null, rows: 12_000 - 4_096, types: null });
    expect(await verifySealed(pairIn(folder))).toEqual([]);
    for (const at of [0, 4_095, 4_096, 11_999])
      expect((await read(folder, { ...FILTER, customer: `customer ${at}` })).events).toMatchObject([
        { customer: `customer ${at}`, type: `type ${at}`, timestamp: NOW + at, context: [`row ${at} end`] },
      ]);
    expect(await read(folder, { ...FILTER, customer: 'customer' })).toEqual({ events: [], damage: [] });
  });

  it('also takes those whose codes are too long to be named by an index', async () => {
    const events = hostileEvents(40, (at) => `${at % 20}`.padStart(100, '-')).map((event, at) => ({
      ...event,
      timestamp: NOW + at + (at < 20 ? 0 : DAY),
    }));

    const folder = await sealAll([aBatchNow(events)], { maxNameBytes: 1_200 });

    // The codes, and the key between them.
    expect(await clustersIn(folder)).toHaveLength(1 + Math.floor(1_200 / (100 + 9 + '","product":"'.length)));
    for (const event of events.slice(0, 20))
      expect((await read(folder, event)).events.map(({ timestamp }) => timestamp - event.timestamp)).toEqual([
        0,
        DAY + 20,
      ]);
  });

  it('gives nobody the events of another one, whatever the codes are', async () => {
    const odd: readonly Codes[] = [
      { customer: 'A', product: 'B' },
      { customer: 'A","product":"B', product: 'C' },
      { customer: 'A', product: 'B","product":"C' },
      { customer: 'A","product":"B","product":"C', product: '' },
      { customer: '{"customer":"A","product":"B"}', product: '"}' },
      { customer: '\\', product: '\\"' },
      { customer: '\\","product":"', product: '' },
      { customer: '\ud800', product: '\n]' },
      { customer: '', product: '' },
      { customer: 'a', product: 'b' },
    ];
    const events = odd.map((codes, at) =>
      anEvent({ ...codes, timestamp: NOW + at, context: [JSON.stringify({ customer: 'A', product: 'B' })] }),
    );

    const folder = await sealAll([aBatchNow(events), aBatchNow(events)], { maxClusters: 1 });

    for (const [at, codes] of odd.entries())
      expect((await read(folder, codes)).events).toMatchObject(
        [1, 2].map(() => ({ ...codes, timestamp: NOW + at })),
      );
  });

  it('is found in the data file where the index is lost', async () => {
    const batches = [aBatchNow(hostileEvents(600, (at) => `C${at % 3}`))];
    const folder = await sealAll(batches, { maxClusters: 1 });
    await rm(pairIn(folder).index);

    for (const customer of ['C0', 'C2']) {
      const { events, damage } = await read(folder, { ...FILTER, customer });
      expect(events).toEqual(storedEvents(batches).filter((event) => event.customer === customer));
      expect(damage).toMatchObject([{ path: pairIn(folder).index }]);
    }
    expect(await verifySealed(pairIn(folder))).toMatchObject([{ path: pairIn(folder).index }]);
  });

  it('has no more types counted where the index is lost than where there is one', async () => {
    const events = hostileEvents(514, (at) => (at < 257 ? 'FEW' : 'MANY'));
    const typeOf = (at: number): string => `T${at < 257 ? at % 3 : at}`;
    const folder = await sealAll([aBatchNow(events.map((event, at) => ({ ...event, type: typeOf(at) })))]);
    const typesOf = async (): Promise<readonly unknown[]> => {
      const file = await SealedFile.open(pairIn(folder), () => undefined);
      const types: unknown[] = [];
      for await (const cluster of file?.clusters() ?? []) types.push(cluster.types);
      await file?.close();
      return types;
    };
    const indexed = await typesOf();

    await rm(pairIn(folder).index);

    expect(indexed).toEqual([{ T0: 86, T1: 86, T2: 85 }, null]);
    expect(await typesOf()).toEqual(indexed);
  });

  it('keeps the readable rows of a damaged block, and reports the others', async () => {
    const batches = [aBatchNow(hostileEvents(3_000, (at) => `C${at % 2}`))];
    const folder = await sealAll(batches, { maxClusters: 0 });
    const { data } = pairIn(folder);
    const offsets = await lineOffsets(data);
    const text = await readFile(data, 'latin1');
    const at = (row: number) => offsets[row + 2] ?? 0;
    const codesAt = (row: number) => text.indexOf(',{"customer"', at(row));
    // No row any more; a row without codes, as in other clusters; codes of somebody else.
    await overwrite(data, at(4), '{');
    await overwrite(data, codesAt(6), '          '.padEnd(at(7) - codesAt(6) - 2));
    await overwrite(data, codesAt(8) + ',{"customer":"C'.length, '7');

    const { events, damage } = await read(folder, { ...FILTER, customer: 'C0' });

    const lost = new Set([4, 6, 8]);
    expect(events).toEqual(
      storedEvents(batches).filter(
        ({ customer, timestamp }) => customer === 'C0' && !lost.has(timestamp - NOW),
      ),
    );
    expect(damage).toEqual(
      [4, 6].map((row) => ({ path: data, offset: at(row), reason: 'the line is damaged' })),
    );
    const checked = await verifySealed(pairIn(folder));
    expect(checked.map(({ reason }) => reason)).toContain(
      'a row of this block is not of this kind of cluster',
    );
  });

  it.each([
    ['is damaged', (line: string) => line.replace('null', 'nul#')],
    ['is missing', () => ''],
  ])(
    'has no row that another cluster could take for its own, where its first line %s',
    async (_name, change) => {
      const folder = await sealAll([aBatchNow(hostileEvents(20, (at) => `C${at % 2}`))], { maxClusters: 1 });
      const { data, index } = pairIn(folder);
      await rm(index);
      const lines = (await readFile(data, 'utf8')).split('\n');
      const first = lines.findIndex((line) => line.includes('"customer":null'));
      const lost = (await lineOffsets(data))[first] ?? 0;
      const changed = change(`${lines[first] ?? ''}\n`);
      await writeFile(
        data,
        [...lines.slice(0, first), `${changed}${lines.slice(first + 1).join('\n')}`].join('\n'),
      );

      const { events, damage } = await read(folder, { ...FILTER, customer: 'C0' });

      expect(events).toHaveLength(10);
      expect(damage.map(({ offset }) => offset)).toEqual([0, lost]);
      expect((await read(folder, { ...FILTER, customer: 'C1' })).events).toEqual([]);
    },
  );
});
