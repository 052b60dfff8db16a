import fc from 'fast-check';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { BatchRecord, FilePair } from '../../../../server/store/segments/batch-record.ts';
import { IdFile } from '../../../../server/store/segments/ids/id-file.ts';
import { IdFileError, IdIndexError } from '../../../../server/store/segments/ids/id-file-errors.ts';
import { mergeIdFiles } from '../../../../server/store/segments/ids/merge-id-files.ts';
import { verifyIdFile } from '../../../../server/store/segments/ids/verify-id-file.ts';
import { writeIdFile } from '../../../../server/store/segments/ids/write-id-file.ts';
import { aRecord, filePair, idFrom, someRecords } from '../../../support/id-files.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import { openFiles } from '../../../support/open-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

type Records = readonly (readonly [string, BatchRecord])[];

async function inputsOf(folder: string, files: readonly Records[]): Promise<readonly FilePair[]> {
  await mkdir(folder, { recursive: true });
  const pairs = files.map((_, n) => filePair(folder, `in${n}`));
  for (const [n, pair] of pairs.entries()) await writeIdFile(pair, files[n] ?? []);
  return pairs;
}

describe('mergeIdFiles', () => {
  it('gives the file that all records together would have given', async () => {
    const folder = await tempFolder();
    // Few ids, so that files share them; some begin with the same 64 bits.
    const id = fc
      .nat(30)
      .map((n) => idFrom(`${n % 2 === 0 ? '' : '7'.repeat(16)}${n.toString(16)}`.padStart(32, '0')));
    const record = fc.oneof(fc.constant('split' as const), fc.nat().map(aRecord));
    const files = fc.array(fc.array(fc.tuple(id, record), { maxLength: 30 }), { maxLength: 4 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(files, async (contents) => {
        const place = `${folder}/${++run}`;
        const inputs = await inputsOf(place, contents);
        const whole = filePair(place, 'whole');
        await writeIdFile(whole, contents.flat());
        const merged = filePair(place, 'merged');

        const summary = await mergeIdFiles(inputs, merged);

        const bytes = await readFile(merged.data);
        expect(bytes.toString()).toBe(await readFile(whole.data, 'utf8'));
        expect(summary).toEqual({
          count: new Set(contents.flat().map(([key]) => key)).size,
          dataBytes: bytes.length,
          indexBytes: (await readFile(merged.index)).length,
        });
        expect(await verifyIdFile(merged)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('merges files that are longer than what it reads at once', async () => {
    const folder = await tempFolder();
    const files = [someRecords(8000), someRecords(100), someRecords(4321), []];
    const merged = filePair(folder, 'merged');

    await mergeIdFiles(await inputsOf(folder, files), merged);

    const whole = filePair(folder, 'whole');
    await writeIdFile(whole, files.flat());
    expect((await readFile(merged.data)).equals(await readFile(whole.data))).toBe(true);
    expect(await verifyIdFile(merged)).toEqual([]);
    const file = await IdFile.open(merged);
    expect(file.bytesInMemory / file.count).toBeLessThan(2);
    await file.close();
    expect(await openFiles(folder)).toEqual([]);
  });

  it('names file and offset of damage, wherever it is, and leaves no file open', async () => {
    const folder = await tempFolder();
    const inputs = await inputsOf(folder, [someRecords(4000), someRecords(4000)]);
    for (const [n, input] of inputs.entries()) {
      const whole = await readFile(input.data);
      const offsets = await lineOffsets(input.data);
      for (const line of [1, 3999]) {
        const offset = offsets[line] ?? 0;
        await overwrite(input.data, offset + 60, '#');
        const merging = mergeIdFiles(inputs, filePair(folder, `out${n}-${line}`));
        const error: unknown = await merging.catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(IdFileError);
        if (!(error instanceof IdFileError)) return;
        expect(error.message).toContain(input.data);
        expect(error.offset).toBeLessThanOrEqual(offset);
        expect(error.offset).toBeGreaterThan(offset - 4200);
        await writeFile(input.data, whole);
      }
    }
    await rm(inputs[1]?.index ?? '');
    await expect(mergeIdFiles(inputs, filePair(folder, 'out'))).rejects.toThrow(IdIndexError);
    expect(await openFiles(folder)).toEqual([]);
  });
});
