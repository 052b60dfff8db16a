import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { EMPTY_LEDGER } from '../../../../shared/batch.ts';
import { checkedFields, encodeCheckedLine } from '../../../../server/store/segments/checked-line.ts';
import { sealSegment } from '../../../../server/store/segments/sealed/seal-segment.ts';
import { isIndexHeader, type SealedBlock } from '../../../../server/store/segments/sealed/sealed-index.ts';
import { anEvent } from '../../../support/events.ts';
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
const refusal = (sequence: number) => ({
  sequence,
  code: sequence === 2 ? ('REQUEST_PARAMETER_MISSING' as const) : ('EVENT_TYPE_UNKNOWN' as const),
  path: sequence === 2 ? 'product' : 'type',
  event: { type: 'NONE' },
});

describe('sealSegment', () => {
  it('writes rows by customer, product and day, and there by timestamp, batch and sequence', async () => {
    const folder = await tempFolder();
    const fingerprint = `1:${'a'.repeat(32)}`;
    const batches = [
      aBatchNow(
        [
          anEvent({ timestamp: NOW + 1, context: ['b', null, ''] }),
          anEvent({ timestamp: NOW - DAY, version: '1.2' }),
          anEvent({ timestamp: NOW, customer: 'ZETA' }),
        ],
        { identity: { batch: id(2), fingerprint }, contents: { skew: -7 } },
      ),
      aBatchNow(
        [
          anEvent({ timestamp: NOW + 1, context: [] }),
          anEvent({ timestamp: NOW + 1, version: null }),
          anEvent({ timestamp: NOW - 60 * DAY }),
          anEvent({ timestamp: NOW, product: 'CHARTS' }),
        ],
        { identity: { batch: id(1), fingerprint } },
      ),
    ];

    const { summary, records, damage } = await seal(folder, logLines(batches, 5));

    const lines = (await readFile(pairIn(folder).data, 'utf8')).split('\n');
    expect(lines.map((line) => line.replace(/"crc":"[0-9a-f]{8}"/, '"crc":""'))).toEqual([
      '{"v":1,"crc":"","kind":"sealed"}',
      '{"v":1,"crc":"","customer":"BARCHART","product":"CHARTS","day":"2026-11-01"}',
      `[${NOW},"PORTFOLIO-ACCESSED",["user-1","portfolio-1"],"${id(1)}",3,6,${NOW},null]`,
      '{"v":1,"crc":"","customer":"BARCHART","product":"PORTFOLIO","day":"2026-10-31"}',
      `[${NOW - DAY},"PORTFOLIO-ACCESSED",["user-1","portfolio-1"],"${id(2)}",1,5,${NOW},-7,"1.2"]`,
      '{"v":1,"crc":"","customer":"BARCHART","product":"PORTFOLIO","day":"2026-11-01"}',
      `[${NOW + 1},"PORTFOLIO-ACCESSED",[],"${id(1)}",0,6,${NOW},null]`,
      `[${NOW + 1},"PORTFOLIO-ACCESSED",["user-1","portfolio-1"],"${id(1)}",1,6,${NOW},null,null]`,
      `[${NOW + 1},"PORTFOLIO-ACCESSED",["b",null,""],"${id(2)}",0,5,${NOW},-7]`,
      '{"v":1,"crc":"","customer":"BARCHART","product":"PORTFOLIO","day":null}',
      `[${NOW - 60 * DAY},"PORTFOLIO-ACCESSED",["user-1","portfolio-1"],"${id(1)}",2,6,${NOW},null]`,
      '{"v":1,"crc":"","customer":"ZETA","product":"PORTFOLIO","day":"2026-11-01"}',
      `[${NOW},"PORTFOLIO-ACCESSED",["user-1","portfolio-1"],"${id(2)}",2,5,${NOW},-7]`,
      '',
    ]);
    expect(summary).toEqual({
      rows: 7,
      dataBytes: (await stat(pairIn(folder).data)).size,
      indexBytes: (await stat(pairIn(folder).index)).size,
      firstPosition: 5,
      lastPosition: 6,
      from: NOW - DAY,
      to: NOW + 1,
      strayFrom: NOW - 60 * DAY,
      strayTo: NOW - 60 * DAY,
      strayRanges: [[NOW - 60 * DAY, NOW - 60 * DAY]],
      batches: 2,
      ledger: EMPTY_LEDGER,
      rejected: 0,
    });
    expect(records).toEqual([
      [id(2), { fingerprint, count: 3 }],
      [id(1), { fingerprint, count: 4 }],
    ]);
    expect(damage).toEqual([]);
  });

  it('takes a day for stray beyond 40 days before and 2 days after the one received on', async () => {
    const folder = await tempFolder();
    const received = Date.UTC(2026, 10, 1, 23, 59, 59, 999);
    const first = Date.UTC(2026, 10, 1);
    const timestamps = [first - 40 * DAY, first - 40 * DAY - 1, first + 3 * DAY - 1, first + 3 * DAY];
    const events = timestamps.map((timestamp) => anEvent({ timestamp }));

    await seal(folder, logLines([aBatchNow(events, { contents: { received } })]));

    const clusters = await clustersIn(folder);
    expect(clusters.map(({ day, from, to }) => [day, from, to])).toEqual([
      ['2026-09-22', timestamps[0], timestamps[0]],
      ['2026-11-03', timestamps[2], timestamps[2]],
      [null, timestamps[1], timestamps[3]],
    ]);
  });

  it('keeps what else is known of a batch: ledger, rejections, parents', async () => {
    const folder = await tempFolder();
    const half = { batch: id(3), parents: [id(7), id(8)], offset: 4 };
    const batches = [
      aBatchNow([anEvent({ timestamp: NOW })], { identity: { batch: id(1) }, contents: { ledger } }),
      aBatchNow([anEvent({ timestamp: NOW })], { identity: { batch: id(2) } }),
      aBatchNow([anEvent({ timestamp: 1 }), anEvent({ timestamp: 2 })], {
        identity: half,
        contents: { rejected: [refusal(0), refusal(2)], skew: 9 },
      }),
      aBatchNow([], { identity: { batch: id(4) }, contents: { rejected: [refusal(0)], ledger } }),
    ];
    const fingerprints = batches.map(({ identity }) => identity.fingerprint);

    const { summary, records } = await seal(folder, logLines(batches));

    const all = await jsonLines(pairIn(folder).data);
    const start = all.findIndex((line) => JSON.stringify(line).includes('"kind":"batches"'));
    expect(all.slice(start + 1)).toEqual([
      { position: 1, batch: id(1), received: NOW, fingerprint: fingerprints[0], ledger },
      {
        position: 3,
        ...half,
        received: NOW,
        skew: 9,
        fingerprint: fingerprints[2],
        rejected: [refusal(0), refusal(2)],
      },
      {
        position: 4,
        batch: id(4),
        received: NOW,
        fingerprint: fingerprints[3],
        ledger,
        rejected: [refusal(0)],
      },
    ]);
    const kept = ({ sequence, code, path: at }: ReturnType<typeof refusal>) => ({ sequence, code, path: at });
    expect(records).toEqual([
      [id(1), { fingerprint: fingerprints[0], count: 1 }],
      [id(2), { fingerprint: fingerprints[1], count: 1 }],
      [
        id(3),
        {
          fingerprint: fingerprints[2],
          count: 4,
          parents: half.parents,
          offset: 4,
          rejected: [kept(refusal(0)), kept(refusal(2))],
        },
      ],
      [id(7), 'split'],
      [id(8), 'split'],
      [id(4), { fingerprint: fingerprints[3], count: 1, rejected: [kept(refusal(0))] }],
    ]);
    expect(summary).toMatchObject({
      batches: 4,
      rejected: 3,
      ledger: { dropped: 2, expired: 4, rejected: 6, unconfirmed: 8 },
    });
    const sequences = all.filter(Array.isArray).map((row: readonly unknown[]) => [row[3], row[4]]);
    expect(sequences).toContainEqual([id(3), 1]);
    expect(sequences).toContainEqual([id(3), 3]);
  });

  it('leaves out lines that are dropped, damaged or cut off, and reports the latter two', async () => {
    const folder = await tempFolder();
    const batches = [1, 2, 3, 4, 5].map((at) => aBatchNow([anEvent({ timestamp: NOW + at })]));
    const lines = logLines(batches);
    const offsets = lines.map((_, index) => Buffer.concat(lines.slice(0, index)).length);
    const bytes = Buffer.concat(lines);
    bytes.write('#', (offsets[2] ?? 0) + 90);
    const log = path.join(folder, 'log.jsonl');
    await writeFile(log, bytes);
    const length = bytes.length - 1;

    const source = { path: log, length, dropped: [offsets[1] ?? 0] };
    const { summary, records, damage } = await sealSegment({ source, sealed: pairIn(folder) });

    expect(damage).toEqual([
      { path: log, offset: offsets[2], reason: 'the line is damaged' },
      { path: log, offset: offsets[4], reason: 'the line is damaged' },
    ]);
    expect(records.map(([batch]) => batch)).toEqual([0, 3].map((index) => batches[index]?.identity.batch));
    expect(summary).toMatchObject({ rows: 2, batches: 2, firstPosition: 1, lastPosition: 4 });
  });

  it('reports a line that is no JSON although its checksum is right, wherever it breaks off', async () => {
    const folder = await tempFolder();
    const event = anEvent({ timestamp: NOW, context: ['a', 'b\\'], version: '1' });
    const [line = Buffer.alloc(0)] = logLines([aBatchNow([event, event], { contents: { ledger } })]);
    const fields = checkedFields(line.subarray(0, -1)) ?? Buffer.alloc(0);
    const lines: Buffer[] = [];
    for (let length = 0; length < fields.length; length++)
      lines.push(encodeCheckedLine([fields.subarray(0, length)]));

    // Behind the last line of a segment there is nothing that could end a text.
    for (const [number, last] of lines.entries()) {
      if (number % 25 > 0) continue;
      const { summary, damage } = await seal(folder, [line, last], `last${number}`);
      expect({ rows: summary.rows, damage: damage.length }).toEqual({ rows: 2, damage: 1 });
    }
    const { summary, damage } = await seal(
      folder,
      lines.flatMap((broken) => [broken, line]),
    );
    expect(damage).toHaveLength(lines.length);
    expect(summary.rows).toBe(2 * lines.length);
  });

  it('reports no more damage than anybody reads', async () => {
    const folder = await tempFolder();

    const { damage } = await seal(folder, [Buffer.alloc(1_500, '\n')]);

    expect(damage).toHaveLength(1_000);
  });

  it('reports where a segment ends too early', async () => {
    const folder = await tempFolder();
    const log = path.join(folder, 'log.jsonl');
    const [line = Buffer.alloc(0)] = logLines([aBatchNow([anEvent()])]);
    await writeFile(log, line);

    const source = { path: log, length: line.length + 10, dropped: [] };
    const { summary, damage } = await sealSegment({ source, sealed: pairIn(folder) });

    expect(damage).toEqual([{ path: log, offset: line.length, reason: 'the file ends too early' }]);
    expect(summary).toMatchObject({ rows: 1, firstPosition: 1, lastPosition: 1 });
  });

  it('makes files of an empty segment, too', async () => {
    const folder = await tempFolder();

    const { summary } = await seal(folder, []);

    expect(summary).toMatchObject({ rows: 0, batches: 0, firstPosition: 0, lastPosition: 0, from: null });
    expect((await jsonLines(pairIn(folder).index)).filter(isIndexHeader)).toMatchObject([
      { rows: 0, clusters: 0, batches: null },
    ]);
  });

  it('has an index that says where blocks of whole rows are, and what they begin with', async () => {
    const folder = await tempFolder();
    const events = Array.from({ length: 900 }, (_, at) =>
      anEvent({ timestamp: NOW + at, type: `TYPE-${at % 3}`, context: ['x'.repeat(at)] }),
    );
    const notable = Array.from({ length: 900 }, () =>
      aBatchNow([], { contents: { rejected: [refusal(0)] } }),
    );
    const batches = [aBatchNow(events.slice(0, 450)), aBatchNow(events.slice(450)), ...notable];

    const { summary } = await seal(folder, logLines(batches));

    const data = await readFile(pairIn(folder).data);
    const index = await jsonLines(pairIn(folder).index);
    const header = index.find(isIndexHeader);
    const [cluster] = await clustersIn(folder);
    expect(header).toMatchObject({ rows: 900, bytes: data.length, clusters: 1, lines: 902 });
    expect(cluster).toMatchObject({ rows: 900, from: NOW, to: NOW + 899 });
    expect(cluster?.types).toEqual({ 'TYPE-0': 300, 'TYPE-1': 300, 'TYPE-2': 300 });
    expect(summary.indexBytes).toBe((await stat(pairIn(folder).index)).size);
    for (const section of [cluster, header?.batches]) {
      if (!section) throw new Error('both are there');
      const { offset, bytes, blocks } = section;
      expect(blocks.length).toBeGreaterThan(1);
      let at = offset;
      for (const [length, checksum, first] of blocks satisfies readonly SealedBlock[]) {
        const block = data.subarray(at, at + length);
        expect(crc32(block)).toBe(Number.parseInt(checksum, 16));
        expect(block.at(-1)).toBe(0x0a);
        expect(block.toString().match(/\d+/)?.[0]).toBe(String(first));
        // Not one row more than makes it as long as a block should be.
        expect(block.lastIndexOf(0x0a, -2)).toBeLessThan(131_072);
        at += length;
        if (at < offset + bytes) expect(length).toBeGreaterThanOrEqual(131_072);
      }
      expect(at).toBe(offset + bytes);
    }
  });

  it('reads lines and writes rows that are larger than any buffer', async () => {
    const folder = await tempFolder();
    const large = anEvent({ timestamp: NOW, context: ['ü'.repeat(1_500_000)] });
    const batches = [aBatchNow([large, anEvent({ timestamp: NOW - 1 })]), aBatchNow([large])];

    const { summary, damage } = await seal(folder, logLines(batches));

    const rows = (await jsonLines(pairIn(folder).data)).filter(Array.isArray);
    expect(rows.map((row: readonly unknown[]) => JSON.stringify(row[2]).length)).toEqual([
      24, 1_500_004, 1_500_004,
    ]);
    expect({ damage, rows: summary.rows }).toEqual({ damage: [], rows: 3 });
  });

  it('names no types in the index where there are too many, and any name where there are few', async () => {
    const folder = await tempFolder();
    const many = Array.from({ length: 257 }, (_, at) => anEvent({ timestamp: NOW, type: `T${at}` }));
    const odd = ['__proto__', '7', 'constructor'].map((type) =>
      anEvent({ timestamp: NOW, product: 'X', type }),
    );

    await seal(folder, logLines([aBatchNow(many), aBatchNow(odd)]));

    const clusters = await clustersIn(folder);
    expect(clusters[0]?.types).toBeNull();
    expect(Object.entries(clusters[1]?.types ?? {})).toEqual([
      ['7', 1],
      ['__proto__', 1],
      ['constructor', 1],
    ]);
  });

  it('counts no types where that takes more room than the rows, nor names any for that', async () => {
    const folder = await tempFolder();
    const events = Array.from({ length: 40 }, (_, at) =>
      anEvent({ timestamp: NOW, product: `P${String(at).padStart(2, '0')}`, type: `T${at}` }),
    );
    const last = Array.from({ length: 60 }, (_, at) =>
      anEvent({ timestamp: NOW, product: 'Q', type: `U${at % 20}` }),
    );

    await seal(folder, logLines([aBatchNow(events), aBatchNow(last)]));

    const clusters = await clustersIn(folder);
    expect(clusters.slice(0, 40).map(({ types }) => types)).toEqual(
      events.map(({ type }, at) => (at < 32 ? { [type]: 1 } : null)),
    );
    expect(Object.values(clusters.at(-1)?.types ?? {})).toEqual(Array.from({ length: 20 }, () => 3));
    expect((await jsonLines(pairIn(folder).index)).find(isIndexHeader)?.types).toHaveLength(52);
  });

  it('makes new files that only their owner can read, and writes over none', async () => {
    const folder = await tempFolder();
    await seal(folder, []);
    expect((await stat(pairIn(folder).data)).mode & 0o777).toBe(0o600);
    expect((await stat(pairIn(folder).index)).mode & 0o777).toBe(0o600);

    await expect(seal(folder, [])).rejects.toThrow('EEXIST');
  });

  it('keeps what a line holds whose version is damaged, and says so', async () => {
    const folder = await tempFolder();
    const [line = Buffer.alloc(0)] = logLines([aBatchNow([anEvent()])]);
    line[5] = 0x33;
    const fields = '"position":9}';
    const checksum = crc32(fields).toString(16).padStart(8, '0');
    const other = Buffer.from(`{"v":3,"crc":"${checksum}",${fields}\n`);

    const { summary, records, damage } = await seal(folder, [line, other]);

    expect(summary.rows).toBe(1);
    expect(records).toHaveLength(1);
    expect(damage.map(({ offset, reason }) => [offset, reason])).toEqual([
      [0, expect.stringContaining('version')],
      [line.length, 'the line is damaged'],
    ]);
  });
});
