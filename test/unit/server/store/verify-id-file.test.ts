import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { FilePair } from '../../../../server/store/segments/batch-record.ts';
import { WRONG_VERSION } from '../../../../server/store/segments/checked-line.ts';
import { IdFile } from '../../../../server/store/segments/ids/id-file.ts';
import { encodeIdLine, ID_FILE_HEADER } from '../../../../server/store/segments/ids/id-line.ts';
import { rebuildIdIndex } from '../../../../server/store/segments/ids/rebuild-id-index.ts';
import { verifyIdFile } from '../../../../server/store/segments/ids/verify-id-file.ts';
import { writeIdFile } from '../../../../server/store/segments/ids/write-id-file.ts';
import { aRecord, filePair, idFrom, someRecords } from '../../../support/id-files.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import { openFiles } from '../../../support/open-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

async function written(
  count: number,
): Promise<{ pair: FilePair; folder: string; offsets: readonly number[] }> {
  const folder = await tempFolder();
  const pair = filePair(folder);
  await writeIdFile(pair, someRecords(count));
  return { pair, folder, offsets: await lineOffsets(pair.data) };
}

const line = (digits: string) => encodeIdLine(idFrom(digits), aRecord(1));
const HEADER = ID_FILE_HEADER.toString();
const FIRST = HEADER.length;
const SECOND = FIRST + line('1').length + 1;

/** What an id file can't be, and where that shows. */
const BROKEN: readonly (readonly [name: string, text: string, offset: number])[] = [
  ['nothing', '', 0],
  ['without its header', `${line('1')}\n`, 0],
  ['behind another header', `${HEADER.replace('ids', 'idz')}${line('1')}\n`, 0],
  ['cut in its last line', `${HEADER}${line('1')}\n${line('2')}`, SECOND],
  ['in another order', `${HEADER}${line('2')}\n${line('1')}\n`, SECOND],
  ['with an id twice', `${HEADER}${line('1')}\n${line('1')}\n`, SECOND],
  ['with a line that is none', `${HEADER}${line('1').replace(':', ';')}\n`, FIRST],
  ['with an empty line', `${HEADER}\n${line('1')}\n`, FIRST],
];

describe('verifyIdFile', () => {
  it('finds nothing wrong with a file that is whole', async () => {
    const { pair, folder } = await written(5000);
    expect(await verifyIdFile(pair)).toEqual([]);
    expect(await openFiles(folder)).toEqual([]);
  });

  it('finds every changed byte', async () => {
    const { pair } = await written(60);
    const whole = await readFile(pair.data);
    for (let at = 0; at < whole.length; at += 67) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(pair.data, changed);
      const [first] = await verifyIdFile(pair);
      // It shows in the block first, unless the header is damaged; more lines may be out of order.
      expect(first?.offset).toBeLessThanOrEqual(at);
      expect(first?.offset).toBeGreaterThan(at - 4300);
    }
  });

  it.each(BROKEN)('finds a file that is %s, without its index', async (_, text, offset) => {
    const { pair } = await written(1);
    await writeFile(pair.data, text);
    await rm(pair.index);
    const [, ...problems] = await verifyIdFile(pair);
    expect(problems.map((problem) => problem.offset)).toEqual([offset]);
  });

  it('reads on behind damage, and without an index', async () => {
    const { pair, offsets } = await written(5000);
    const damaged = [1000, 2000, 3000].map((n) => offsets[n] ?? 0);
    for (const offset of damaged) await overwrite(pair.data, offset + 60, '#');

    const problems = await verifyIdFile(pair);
    const lines = problems.filter(({ reason }) => reason === 'the line is damaged');
    expect(lines.map(({ offset }) => offset)).toEqual(damaged);
    expect(problems.filter(({ reason }) => reason === 'the block is damaged')).toHaveLength(3);

    await rm(pair.index);
    const [first, ...others] = await verifyIdFile(pair);
    expect(first).toEqual({ offset: 0, reason: `${pair.index} is missing or damaged` });
    expect(others.map(({ offset }) => offset)).toEqual(damaged);
  });

  it('finds an index that does not know the ids of the file', async () => {
    const { pair, folder } = await written(0);
    const split = (digits: string) => `${encodeIdLine(idFrom(digits), 'split')}\n`;
    await writeFile(pair.data, HEADER + split('1') + split('3'));
    let problems: Awaited<ReturnType<typeof verifyIdFile>> = [];
    // A filter knows an id by chance now and then; one with another seed does not.
    for (let attempt = 0; attempt < 5 && problems.length < 4; attempt++) {
      const other = filePair(folder, `other-${attempt}`);
      await writeIdFile(other, [[idFrom('2'), aRecord(100)]]);
      problems = await verifyIdFile({ data: pair.data, index: other.index });
    }

    expect(problems).toEqual([
      { offset: FIRST, reason: 'the block is damaged' },
      { offset: FIRST, reason: 'the filter does not know the id' },
      { offset: FIRST + split('1').length, reason: 'the filter does not know the id' },
      { offset: 0, reason: 'the file has 2 ids, but 1 by its index' },
    ]);
  });

  it('names no more than 100 problems', async () => {
    const { pair } = await written(0);
    await writeFile(pair.data, `${HEADER}${'x\n'.repeat(1000)}`);
    expect(await verifyIdFile(pair)).toHaveLength(100);
  });
});

describe('rebuildIdIndex', () => {
  it.each([0, 1, 5000])('makes an index of %i ids as good as the first', async (count) => {
    const { pair, folder } = await written(count);
    const before = await readFile(pair.index);
    await truncate(pair.index, 100);

    const summary = await rebuildIdIndex(pair);

    const after = await readFile(pair.index);
    const { length } = await readFile(pair.data);
    expect(summary).toEqual({ count, dataBytes: length, indexBytes: after.length });
    expect(after.length).toBeLessThanOrEqual(before.length + 20);
    // The blocks are the same; the filter has another seed.
    const blocks = (bytes: Buffer) =>
      bytes
        .toString()
        .split('\n')
        .find((text) => text.includes('"blocks":"'));
    expect(blocks(after)).toBe(blocks(before));
    expect(await verifyIdFile(pair)).toEqual([]);
    expect(await openFiles(folder)).toEqual([]);
  });

  it('makes one that is not there', async () => {
    const { pair } = await written(100);
    await rm(pair.index);
    await rebuildIdIndex(pair);
    const file = await IdFile.open(pair);
    expect(file.count).toBe(100);
    await file.close();
  });

  it.each(BROKEN)('refuses a file that is %s', async (_, text, offset) => {
    const { pair, folder } = await written(1);
    await writeFile(pair.data, text);
    const message = `${pair.data}, byte ${offset}: `;
    await expect(rebuildIdIndex(pair)).rejects.toMatchObject({ name: 'IdFileError', offset });
    await expect(rebuildIdIndex(pair)).rejects.toThrow(message);
    expect(await openFiles(folder)).toEqual([]);
  });

  it('refuses bytes that are no text, as which it would write them', async () => {
    const { pair } = await written(0);
    const rejected = [{ sequence: 0, code: 'EVENT_TYPE_UNKNOWN', path: '?' }] as const;
    const text = encodeIdLine(idFrom('1'), { fingerprint: `1:${'0'.repeat(32)}`, count: 1, rejected });
    const bytes = Buffer.from(`${HEADER}${text}\n`);
    bytes[bytes.indexOf('?')] = 0xff;
    await writeFile(pair.data, bytes);
    await expect(rebuildIdIndex(pair)).rejects.toMatchObject({ name: 'IdFileError', offset: FIRST });
  });

  it('needs no more of the first line than what its checksum covers, which is not the version', async () => {
    const { pair } = await written(9);
    await rm(pair.index);
    await overwrite(pair.data, 5, '3');

    expect(await rebuildIdIndex(pair)).toMatchObject({ count: 9 });
    expect(await verifyIdFile(pair)).toEqual([{ offset: 0, reason: WRONG_VERSION }]);
  });
});
