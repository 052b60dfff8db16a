import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { isRecord } from '../../../../shared/text.ts';
import { encodeLine } from '../../../../server/store/segments/sealed/sealed-index.ts';
import { verifySealed } from '../../../../server/store/segments/sealed/verify-sealed.ts';
import { anEvent } from '../../../support/events.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import { aBatchNow, jsonLines, logLines, NOW, pairIn, seal } from '../../../support/sealed-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const DAY = 86_400_000;
const ledger = { dropped: 1, expired: 0, rejected: 0, unconfirmed: 0 };

async function sealSome(folder: string): Promise<void> {
  const batches = Array.from({ length: 12 }, (_, at) =>
    aBatchNow(
      [
        anEvent({ timestamp: NOW + at, type: `T${at % 2}` }),
        anEvent({ timestamp: NOW - (at % 2) * 80 * DAY, product: 'CHARTS' }),
      ],
      { contents: at > 9 ? { ledger } : {} },
    ),
  );
  await seal(folder, logLines(batches));
}

/** Changes a line of the index, with a checksum that fits. */
async function changeIndex(
  folder: string,
  number: number,
  change: (fields: Readonly<Record<string, unknown>>) => object,
): Promise<void> {
  const { index } = pairIn(folder);
  const lines = [...(await jsonLines(index))];
  const encoded = lines.map((line, at) => {
    if (!isRecord(line)) throw new Error('every line is an object');
    const { v: _version, crc: _checksum, ...fields } = line;
    return encodeLine(at === number ? change(fields) : fields);
  });
  await writeFile(index, Buffer.concat(encoded));
}

async function reasons(folder: string): Promise<readonly string[]> {
  return (await verifySealed(pairIn(folder))).map(({ reason }) => reason);
}

describe('verifySealed', () => {
  it('finds nothing wrong with what was sealed, be it nothing', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    await seal(folder, [], 'empty');
    await seal(folder, logLines([aBatchNow([], { contents: { ledger } })]), 'batches');

    expect(await verifySealed(pairIn(folder))).toEqual([]);
    expect(await verifySealed(pairIn(folder, 'empty'))).toEqual([]);
    expect(await verifySealed(pairIn(folder, 'batches'))).toEqual([]);
  });

  it('finds any line of either file that is damaged', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    const { data, index } = pairIn(folder);
    for (const file of [data, index]) {
      const whole = await readFile(file);
      const offsets = await lineOffsets(file);
      expect(offsets.length).toBeGreaterThan(3);
      for (const offset of offsets.slice(0, -1)) {
        await overwrite(file, offset + 28, '\u0001');
        expect(await verifySealed(pairIn(folder))).not.toEqual([]);
        await writeFile(file, whole);
      }
    }
    expect(await verifySealed(pairIn(folder))).toEqual([]);
  });

  it('finds where a file is missing, too short or too long', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    const { data, index } = pairIn(folder);
    const whole = await readFile(data);

    await truncate(data, whole.length - 9);
    expect(await verifySealed(pairIn(folder))).toContainEqual({
      path: data,
      offset: whole.length - 9,
      reason: 'the file ends too early',
    });
    await writeFile(data, whole);
    await appendFile(data, '[]\n');
    expect(await verifySealed(pairIn(folder))).toEqual([
      { path: data, offset: whole.length, reason: 'the file goes on' },
    ]);
    await writeFile(data, whole);
    await rm(index);
    expect(await verifySealed(pairIn(folder))).toMatchObject([{ path: index, offset: 0 }]);
    await rm(data);
    expect(await reasons(folder)).toEqual(['the file is missing']);
  });

  it('finds lines that are whole but in the place of others', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    const { data } = pairIn(folder);
    const text = await readFile(data, 'utf8');

    const name = (await jsonLines(data)).find((line) => isRecord(line) && line['product'] === 'PORTFOLIO');
    const own = text.split('\n').find((line) => line.includes('"product":"PORTFOLIO"')) ?? '';
    if (!isRecord(name)) throw new Error('the cluster is there');
    const other = encodeLine({
      customer: name['customer'],
      product: 'PORTFOLIA',
      day: name['day'],
    }).toString();
    await writeFile(data, text.replace(`${own}\n`, other));

    expect(await reasons(folder)).toEqual(['another line should be here']);
  });

  it.each([
    ['rows of a cluster', 1, { rows: 5 }, 'the index counts the rows of this cluster wrong'],
    ['a lowest timestamp', 1, { from: 1 }, 'the index counts the rows of this cluster wrong'],
    ['a highest timestamp', 1, { to: NOW + DAY }, 'the index counts the rows of this cluster wrong'],
    ['types', 1, { types: [5, 1] }, 'the index counts the rows of this cluster wrong'],
    ['all rows', 0, { rows: 1 }, 'the index counts wrong'],
    ['the file', 0, { bytes: 1 }, 'the index counts wrong'],
    ['a mixed cluster', 0, { mixed: true }, 'the index counts wrong'],
    ['a first position', 0, { firstPosition: 2 }, 'the index counts wrong'],
    ['a last position', 0, { lastPosition: 11 }, 'the index counts wrong'],
  ])('finds that the index has another number: %s', async (_name, line, change, reason) => {
    const folder = await tempFolder();
    await sealSome(folder);

    await changeIndex(folder, line, (fields) => ({ ...fields, ...change }));

    expect(await reasons(folder)).toEqual([reason]);
  });

  it('finds a block that the index has begin with another row', async () => {
    const folder = await tempFolder();
    await sealSome(folder);

    await changeIndex(folder, 1, (fields) => {
      const { blocks } = fields;
      if (!Array.isArray(blocks) || !Array.isArray(blocks[0])) throw new Error('there is a block');
      return { ...fields, blocks: [[...blocks[0].slice(0, 2), NOW - 1]] };
    });

    expect(await reasons(folder)).toEqual(['the block begins with another line']);
  });

  it('finds clusters that are not in order', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    const { index } = pairIn(folder);
    const lines = (await readFile(index, 'utf8')).split('\n');
    await writeFile(index, [lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n'));

    expect(await reasons(folder)).toContain('the cluster is not in order');
  });

  it('finds rows of another day', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    const { data } = pairIn(folder);
    const day = '2026-11-02';
    const name = (await jsonLines(data))[1];
    if (!isRecord(name)) throw new Error('the cluster is there');
    const [first = '', _own, ...others] = (await readFile(data, 'utf8')).split('\n');
    const line = encodeLine({ customer: name['customer'], product: name['product'], day });
    await writeFile(data, `${first}\n${line.toString()}${others.join('\n')}`);
    await changeIndex(folder, 1, (fields) => ({ ...fields, day }));

    expect(new Set(await reasons(folder))).toEqual(new Set(['a row of this block is of another day']));
  });

  it('finds batches that are not in order', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    const { data, index } = pairIn(folder);
    await rm(index);
    const lines = (await readFile(data, 'utf8')).split('\n');
    const [last = '', beforeLast = ''] = lines.slice(0, -1).toReversed();
    await writeFile(data, [...lines.slice(0, -3), last, beforeLast, ''].join('\n'));

    expect((await reasons(folder)).slice(1)).toEqual(['a batch of this block is not in order']);
  });

  it('finds that the index has another length of a section', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    const { index } = pairIn(folder);
    const whole = await readFile(index);

    await changeIndex(folder, 0, (fields) => {
      const { batches } = fields;
      return { ...fields, batches: { ...(isRecord(batches) ? batches : {}), bytes: 1 } };
    });
    expect(await reasons(folder)).toContain('the index counts the lines about batches wrong');
    await writeFile(index, whole);
    await changeIndex(folder, 1, (fields) => ({ ...fields, bytes: Number(fields['bytes']) - 1 }));
    expect(await reasons(folder)).toContain('the index counts the rows of this cluster wrong');
  });

  it('finds rows that are not in order', async () => {
    const folder = await tempFolder();
    await sealSome(folder);
    const { data, index } = pairIn(folder);
    await rm(index);
    const lines = (await readFile(data, 'utf8')).split('\n');
    const row = lines.findIndex((line) => line.startsWith(`[${NOW + 3},`));
    [lines[row], lines[row + 1]] = [lines[row + 1] ?? '', lines[row] ?? ''];
    await writeFile(data, lines.join('\n'));

    expect((await reasons(folder)).slice(1)).toContain('a row of this block is not in order');
  });
});
