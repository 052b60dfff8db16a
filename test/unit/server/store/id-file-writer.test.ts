import { randomUUID } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { BatchRecord } from '../../../../server/store/segments/batch-record.ts';
import { IdFile } from '../../../../server/store/segments/ids/id-file.ts';
import { IdFileWriter } from '../../../../server/store/segments/ids/id-file-writer.ts';
import { encodeIdLine } from '../../../../server/store/segments/ids/id-line.ts';
import { SequentialFile } from '../../../../server/store/segments/sequential-file.ts';
import { verifyIdFile } from '../../../../server/store/segments/ids/verify-id-file.ts';
import { writeIdFile } from '../../../../server/store/segments/ids/write-id-file.ts';
import { aRecord, filePair, idFrom, someRecords } from '../../../support/id-files.ts';
import { openFiles } from '../../../support/open-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const HEADER = '{"v":1,"crc":"625def26","kind":"ids"}\n';

describe('IdFileWriter', () => {
  it('writes lines of JSON behind a header, readable by the owner alone', async () => {
    const pair = filePair(await tempFolder());
    const writer = await IdFileWriter.create(pair, 2);
    await writer.add(idFrom('1'), encodeIdLine(idFrom('1'), 'split'));
    await writer.add(idFrom('2'), encodeIdLine(idFrom('2'), aRecord(3)));

    const summary = await writer.finish();

    const text = await readFile(pair.data, 'utf8');
    const second = `["${idFrom('2')}","1:${'3'.padStart(32, '0')}",3]`;
    expect(text).toBe(`${HEADER}["${idFrom('1')}"]\n${second}\n`);
    const index = await stat(pair.index);
    expect(summary).toEqual({ count: 2, dataBytes: text.length, indexBytes: index.size });
    for (const { mode } of [await stat(pair.data), index]) expect(mode & 0o777).toBe(0o600);
  });

  it('refuses ids that do not ascend', async () => {
    const pair = filePair(await tempFolder());
    const writer = await IdFileWriter.create(pair, 2);
    await writer.add(idFrom('2'), encodeIdLine(idFrom('2'), 'split'));
    for (const id of [idFrom('2'), idFrom('1'), idFrom('')]) {
      expect(() => writer.add(id, encodeIdLine(id, 'split'))).toThrow(/does not come after/);
    }
    expect(() => writer.add(idFrom('3'), encodeIdLine(idFrom('4'), 'split'))).toThrow(/begins otherwise/);
    await writer.add(idFrom('5'), encodeIdLine(idFrom('5'), 'split'));
    expect(await writer.finish()).toMatchObject({ count: 2 });
  });

  it('writes over no file, and closes what it opened', async () => {
    const folder = await tempFolder();
    for (const file of ['data', 'index'] as const) {
      const pair = filePair(folder, file);
      await writeFile(pair[file], 'mine');
      await expect(IdFileWriter.create(pair, 1)).rejects.toMatchObject({ code: 'EEXIST' });
      expect(await readFile(pair[file], 'utf8')).toBe('mine');
    }
    expect(await openFiles(folder)).toEqual([]);
  });

  it('writes in pieces while it goes on, and takes no line before a piece is written', async () => {
    const pair = filePair(await tempFolder());
    const writer = await IdFileWriter.create(pair, 60_000);
    let waits = 0;
    for (let n = 0; n < 60_000; n++) {
      const id = idFrom(n.toString(16).padStart(8, '0'));
      const isWritten = writer.add(id, encodeIdLine(id, aRecord(n)));
      if (isWritten === undefined) continue;
      waits++;
      const next = idFrom((n + 1).toString(16).padStart(8, '0'));
      expect(() => writer.add(next, encodeIdLine(next, 'split'))).toThrow(/not written yet/);
      await isWritten;
      const { size } = await stat(pair.data);
      expect(size).toBeGreaterThan(waits * 2_000_000);
    }
    expect(waits).toBe(2);
    await writer.finish();
    expect(await verifyIdFile(pair)).toEqual([]);
  });

  it.each(['write', 'finish'] as const)('closes its files when the disk refuses to %s', async (call) => {
    const folder = await tempFolder();
    const full = () => Promise.reject(new Error('full'));
    let abandoned = 0;
    const abandon = () => Promise.resolve(void abandoned++);
    const data = { length: 0, write: () => Promise.resolve(), finish: () => Promise.resolve(), abandon };
    const index = await SequentialFile.create(filePair(folder).index);
    const writer = new IdFileWriter({ ...data, [call]: full }, index, 1);
    await writer.add(idFrom('1'), encodeIdLine(idFrom('1'), 'split'));
    expect(await openFiles(folder)).toHaveLength(1);

    await expect(writer.finish()).rejects.toThrow('full');

    expect(await openFiles(folder)).toEqual([]);
    expect(abandoned).toBe(1);
  });
});

describe('writeIdFile', () => {
  it('sorts, and keeps of each id what counts', async () => {
    const pair = filePair(await tempFolder());
    const a = idFrom('1');
    const b = idFrom('2');
    const c = idFrom('3');
    const d = idFrom('4');
    const records: readonly (readonly [string, BatchRecord])[] = [
      [d, 'split'],
      [c, 'split'],
      [b, aRecord(1)],
      [a, aRecord(2)],
      [b, 'split'],
      [c, aRecord(3)],
      [a, aRecord(4)],
      [d, 'split'],
      [c, aRecord(5)],
      [c, 'split'],
    ];

    expect(await writeIdFile(pair, records)).toMatchObject({ count: 4 });

    const file = await IdFile.open(pair);
    const found = [await file.find(a), await file.find(b), await file.find(c), await file.find(d)];
    await file.close();
    expect(found).toEqual([aRecord(2), aRecord(1), aRecord(3), 'split']);
    expect(await verifyIdFile(pair)).toEqual([]);
  });

  it('sorts ids however many of them begin alike', async () => {
    const pair = filePair(await tempFolder());
    const starts = ['00000000', '7fffffff', '80000000', 'ffffffff'];
    const ids = Array.from({ length: 3_000 }, (_, at) => {
      const id = randomUUID();
      return at % 3 === 0 ? id : `${starts[at % 4] ?? ''}${id.slice(8)}`;
    });
    const records = [...ids, ...ids.slice(0, 900)].map((id, at) => [id, aRecord(at)] as const);

    expect(await writeIdFile(pair, records)).toMatchObject({ count: 3_000 });

    const lines = (await readFile(pair.data, 'utf8')).split('\n').slice(1, -1);
    const first = records.slice(0, 3_000).map(([id, record]) => encodeIdLine(id, record));
    expect(lines).toEqual(first.toSorted());
  });

  it('leaves no file open, whatever happens', async () => {
    const folder = await tempFolder();
    await writeIdFile(filePair(folder), someRecords(1000));
    const twice = writeIdFile(filePair(folder), someRecords(1));
    await expect(twice).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await openFiles(folder)).toEqual([]);
  });
});
