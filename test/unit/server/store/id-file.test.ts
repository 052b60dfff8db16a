import { randomUUID } from 'node:crypto';
import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BatchRecord, FilePair } from '../../../../server/store/segments/batch-record.ts';
import { IdFile } from '../../../../server/store/segments/ids/id-file.ts';
import { BlockList } from '../../../../server/store/segments/ids/id-block-list.ts';
import { IdFileError, IdIndexError } from '../../../../server/store/segments/ids/id-file-errors.ts';
import { IdFilter } from '../../../../server/store/segments/ids/id-filter.ts';
import { readIdIndex, writeIdIndex } from '../../../../server/store/segments/ids/id-index-file.ts';
import { randomSeed } from '../../../../server/store/segments/ids/keyed-hash.ts';
import { SequentialFile } from '../../../../server/store/segments/sequential-file.ts';
import { writeIdFile } from '../../../../server/store/segments/ids/write-id-file.ts';
import { aRecord, filePair, idFrom, someRecords } from '../../../support/id-files.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const VERSION_AT = 5;

type Records = readonly (readonly [string, BatchRecord])[];

async function openIdFile(pair: FilePair): Promise<IdFile> {
  const file = await IdFile.open(pair);
  onTestFinished(() => file.close());
  return file;
}

async function written(records: Records): Promise<{ pair: FilePair; file: IdFile }> {
  const pair = filePair(await tempFolder());
  await writeIdFile(pair, records);
  return { pair, file: await openIdFile(pair) };
}

/** Which of the records are not found as they were written. */
async function notFound(file: IdFile, records: Records): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const [id, record] of records) {
    const found = file.mayHave(id) ? await file.find(id) : undefined;
    if (JSON.stringify(found) !== JSON.stringify(record)) missing.push(id);
  }
  return missing;
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('IdFile', () => {
  it('finds every id and no other', async () => {
    const records = someRecords(2000);
    const { file } = await written(records);

    expect(file.count).toBe(2000);
    expect(await notFound(file, records)).toEqual([]);
    for (let n = 0; n < 500; n++) expect(await file.find(randomUUID())).toBeUndefined();
    expect(await file.find(idFrom(''))).toBeUndefined();
    expect(await file.find(idFrom('f'.repeat(32)))).toBeUndefined();
    const unknown = Array.from({ length: 20_000 }, () => randomUUID());
    expect(unknown.filter((id) => file.mayHave(id)).length / unknown.length).toBeLessThan(0.007);
  });

  it('gives back all that is kept of a batch', async () => {
    const rejected = Array.from({ length: 15_000 }, (_, sequence) => ({
      sequence,
      code: 'EVENT_CONTEXT_UNKNOWN' as const,
      path: `context[${sequence}] é \u2028`,
    }));
    const records: Records = [
      [randomUUID(), 'split'],
      [randomUUID(), { fingerprint: `1:${'0'.repeat(32)}`, count: 0 }],
      [randomUUID(), { fingerprint: `1:${'f'.repeat(32)}`, count: 3, parents: [randomUUID()], offset: 0 }],
      // Lines that are longer than a block, and together than what is written at once.
      ...Array.from({ length: 5 }, (): Records[number] => [
        randomUUID(),
        { fingerprint: `1:${'7'.repeat(32)}`, count: 15_000, parents: [randomUUID()], offset: 9, rejected },
      ]),
    ];
    const { file } = await written(records);
    expect(await notFound(file, records)).toEqual([]);
  });

  it('holds no id', async () => {
    const { file } = await written([]);
    expect(file.count).toBe(0);
    expect(file.mayHave(randomUUID())).toBe(false);
    expect(await file.find(randomUUID())).toBeUndefined();
  });

  it('finds ids that begin with the same 64 bits, however many blocks they fill', async () => {
    const last = (n: number) => n.toString(16).padStart(16, '0');
    const same: Records = Array.from({ length: 600 }, (_, n) => [
      idFrom(`89abcdef01234567${last(2 * n + 1)}`),
      aRecord(n),
    ]);
    const records: Records = [...same, ...someRecords(200), [idFrom('89abcdef01234568'), 'split']];
    const { file } = await written(records);

    expect(await notFound(file, records)).toEqual([]);
    for (let n = 0; n <= 1200; n += 2) {
      expect(await file.find(idFrom(`89abcdef01234567${last(n)}`))).toBeUndefined();
    }
  });

  it('does not take a parent for the batch', async () => {
    const parent = idFrom('5');
    const records: Records = ['4', '6'].map((digits) => [
      idFrom(digits),
      { fingerprint: `1:${'1'.repeat(32)}`, count: 1, parents: [parent], offset: 0 },
    ]);
    const { file } = await written(records);
    expect(await file.find(parent)).toBeUndefined();
    expect(await notFound(file, records)).toEqual([]);
  });

  it('takes at most 2 bytes an id in memory, with an index of JSON lines', async () => {
    const { file, pair } = await written(someRecords(10_000));
    expect(file.bytesInMemory / file.count).toBeLessThan(2);
    const text = await readFile(pair.index, 'latin1');
    for (const line of text.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ v: 1 });
    }
    expect(JSON.parse(text.slice(0, text.indexOf('\n')))).toMatchObject({ kind: 'ids-index', count: 10_000 });
  });

  it('tells a missing or damaged index from all else', async () => {
    const { pair } = await written(someRecords(300));
    const whole = await readFile(pair.index);
    const [, second = 0, third = 0] = await lineOffsets(pair.index);
    const lines = [whole.subarray(0, second), whole.subarray(second, third), whole.subarray(third)];
    const damaged = [
      Buffer.alloc(0),
      Buffer.from('x'),
      await readFile(pair.data),
      ...[0, 1, 2].map((left) => Buffer.concat(lines.filter((_, n) => n !== left))),
      ...[0, 1, 2].map((twice) =>
        Buffer.concat(lines.flatMap((line, n) => (n === twice ? [line, line] : line))),
      ),
    ];
    for (let at = 0; at < whole.length; at += 7) {
      // A line's version is no part of its checksum, and has its own error.
      if ([0, second, third].includes(at - VERSION_AT)) continue;
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      damaged.push(flipped, whole.subarray(0, at));
    }
    for (const bytes of damaged) {
      await writeFile(pair.index, bytes);
      expect(await errorOf(IdFile.open(pair))).toBeInstanceOf(IdIndexError);
    }
    await rm(pair.index);
    expect(await errorOf(IdFile.open(pair))).toBeInstanceOf(IdIndexError);
    await writeFile(pair.index, whole);
    await rm(pair.data);
    expect(await errorOf(IdFile.open(pair))).toMatchObject({ code: 'ENOENT', path: pair.data });
  });

  it('reads an index of many lines', async () => {
    const { index: path } = filePair(await tempFolder());
    const blocks = new BlockList();
    const filter = IdFilter.create(600_000, randomSeed());
    for (let n = 0; n < 50_000; n++) {
      const key = Uint32Array.of(n, n, n, n);
      blocks.add(key, { offset: n, checksum: n });
      filter.add(key);
    }
    const file = await SequentialFile.create(path);
    await writeIdIndex(file, { count: 3, bytes: 4, blocks, filter });
    await file.finish();

    const found = await readIdIndex(path);

    expect(await lineOffsets(path)).toHaveLength(6);
    expect(found).toMatchObject({ count: 3, bytes: 4 });
    expect(found.blocks.records.equals(blocks.records)).toBe(true);
    expect(Buffer.compare(found.filter.parts.bits, filter.parts.bits)).toBe(0);
    expect(found.filter.parts.seed).toEqual(filter.parts.seed);
    for (const line of (await readFile(path, 'latin1')).split('\n'))
      expect(line.length).toBeLessThan(2 ** 20);
  });

  it('takes an index of a newer version for a damaged one, since it can be made again', async () => {
    const { pair } = await written(someRecords(3));
    await overwrite(pair.index, VERSION_AT, '2');
    expect(await errorOf(IdFile.open(pair))).toBeInstanceOf(IdIndexError);
  });

  it('names file and offset where the id file is damaged', async () => {
    const records = someRecords(500).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const { file, pair } = await written(records);
    const offsets = await lineOffsets(pair.data);
    const [id = ''] = records[250] ?? [];
    await overwrite(pair.data, (offsets[251] ?? 0) + 60, '#');

    const error = await errorOf(file.find(id));

    expect(error).toBeInstanceOf(IdFileError);
    if (!(error instanceof IdFileError)) return;
    expect(error.message).toContain(pair.data);
    expect(error.message).toContain(`byte ${error.offset}`);
    expect(Math.abs(error.offset - (offsets[251] ?? 0))).toBeLessThan(4200);
    expect(await notFound(file, records.slice(0, 100))).toEqual([]);
  });

  it('does not open an id file of another length, and reads none that has become shorter', async () => {
    const records = someRecords(300).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const { file, pair } = await written(records);
    const { size } = await stat(pair.data);
    await truncate(pair.data, size - 10);

    expect(await errorOf(IdFile.open(pair))).toMatchObject({ name: 'IdFileError', offset: size - 10 });
    const [id] = records.at(-1) ?? [''];
    expect(await errorOf(file.find(id))).toMatchObject({ name: 'IdFileError', offset: size - 10 });
  });

  it('says which file it could not read', async () => {
    const records = someRecords(3);
    const { file, pair } = await written(records);
    await file.close();
    const [id = ''] = records[0] ?? [];
    const error = await errorOf(file.find(id));
    expect(error).toBeInstanceOf(IdFileError);
    expect(String(error)).toContain(pair.data);
  });
});
