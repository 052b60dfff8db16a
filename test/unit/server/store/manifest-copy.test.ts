import { mkdir, readFile, rm, rmdir, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataDir } from '../../../../server/store/segments/data-dir.ts';
import { Manifest } from '../../../../server/store/segments/manifest.ts';
import { lineOffsets, manifestCopyPath, manifestPath, overwrite } from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const SEGMENTS = [1, 2, 3, 4];
const MENDED = 'the record is damaged; its copy is whole';
const COPY_DAMAGED = 'the copy of the record is damaged';

async function open(folder: string): Promise<Manifest> {
  const manifest = await Manifest.open(dataDir(folder), 0);
  onTestFinished(() => manifest.close());
  return manifest;
}

/** A manifest of five records, closed. */
async function written(): Promise<{ readonly folder: string; readonly bytes: Buffer }> {
  const folder = await tempFolder();
  const manifest = await open(folder);
  for (const segment of SEGMENTS) await openSegment(manifest, segment);
  await manifest.close();
  return { folder, bytes: await readFile(manifestPath(folder)) };
}

function openSegment(manifest: Manifest, segment: number): Promise<void> {
  return manifest.append({ op: 'open', segment, position: segment });
}

/** Opens it again; it must have all records, and both files the same bytes. */
async function expectWhole(
  folder: string,
  bytes: Buffer,
  damage: readonly (readonly [path: string, offset: number, reason: string])[],
): Promise<void> {
  const manifest = await open(folder);
  expect([...manifest.files.segments.keys()]).toEqual(SEGMENTS);
  expect(manifest.damage.map(({ path, offset, reason }) => [path, offset, reason])).toEqual(damage);
  await manifest.close();
  expect(await readFile(manifestPath(folder))).toEqual(bytes);
  expect(await readFile(manifestCopyPath(folder))).toEqual(bytes);
}

describe("a manifest's copy", () => {
  it('has the same bytes after each record', async () => {
    const folder = await tempFolder();
    const manifest = await open(folder);
    for (const segment of SEGMENTS) {
      await openSegment(manifest, segment);
      expect(await readFile(manifestCopyPath(folder))).toEqual(await readFile(manifestPath(folder)));
    }
  });

  it('stands in for each record that is damaged, the last one too', async () => {
    const { folder, bytes } = await written();
    for (const offset of (await lineOffsets(manifestPath(folder))).slice(0, -1)) {
      await overwrite(manifestPath(folder), offset + 30, '#');
      await expectWhole(folder, bytes, [[manifestPath(folder), offset, MENDED]]);
    }
  });

  it('stands in for a line that lost its end, and for a version', async () => {
    const { folder, bytes } = await written();
    const [, second = 0, third = 0] = await lineOffsets(manifestPath(folder));
    await overwrite(manifestPath(folder), second - 1, '#');
    await expectWhole(folder, bytes, [[manifestPath(folder), 0, MENDED]]);
    const last = bytes.lastIndexOf('\n', bytes.length - 2) + 1;
    for (const offset of [third, last]) {
      await overwrite(manifestPath(folder), offset, '{"v":3');
      await expectWhole(folder, bytes, [[manifestPath(folder), offset, MENDED]]);
    }
  });

  it('stands in for a manifest that is missing, or lost its end', async () => {
    const { folder, bytes } = await written();
    const offsets = await lineOffsets(manifestPath(folder));
    await rm(manifestPath(folder));
    await expectWhole(folder, bytes, [[manifestPath(folder), 0, MENDED]]);
    await truncate(manifestPath(folder), (offsets[3] ?? 0) + 10);
    await expectWhole(folder, bytes, [[manifestPath(folder), offsets[3] ?? 0, MENDED]]);
  });

  it('is made whole with the next record where it was cut meanwhile', async () => {
    const folder = await tempFolder();
    const manifest = await open(folder);
    await openSegment(manifest, 1);
    await truncate(manifestCopyPath(folder), 10);
    await openSegment(manifest, 2);

    expect(await readFile(manifestCopyPath(folder))).toEqual(await readFile(manifestPath(folder)));
  });

  it('is made again where it is damaged, missing, torn, or longer than the manifest', async () => {
    const { folder, bytes } = await written();
    const copy = manifestCopyPath(folder);
    for (const offset of (await lineOffsets(copy)).slice(0, -1)) {
      await overwrite(copy, offset + 30, '#');
      await expectWhole(folder, bytes, [[copy, offset, COPY_DAMAGED]]);
    }
    await rm(copy);
    await expectWhole(folder, bytes, []);
    await truncate(copy, bytes.length - 3);
    await expectWhole(folder, bytes, []);
    await writeFile(copy, 'torn', { flag: 'a' });
    await expectWhole(folder, bytes, []);
  });

  it('does not stand in where it is damaged itself, but each file for what the other one lacks', async () => {
    const { folder, bytes } = await written();
    const [first = 0, second = 0, third = 0] = await lineOffsets(manifestPath(folder));
    await overwrite(manifestPath(folder), second + 30, '#');
    await overwrite(manifestCopyPath(folder), third + 30, '#');
    await expectWhole(folder, bytes, [
      [manifestPath(folder), second, MENDED],
      [manifestCopyPath(folder), third, COPY_DAMAGED],
    ]);

    for (const file of [manifestPath(folder), manifestCopyPath(folder)])
      await overwrite(file, first + 30, '#');
    await expect(open(folder)).rejects.toThrow(`manifest.jsonl is damaged at byte ${first}: restore it`);
  });

  it('refuses a record that is damaged in the manifest and is all that the copy has', async () => {
    const { folder } = await written();
    const [, second = 0, third = 0] = await lineOffsets(manifestPath(folder));
    await overwrite(manifestPath(folder), second + 30, '#');
    await truncate(manifestCopyPath(folder), second);

    await expect(open(folder)).rejects.toThrow(`manifest.jsonl is damaged at byte ${second}: restore it`);
    expect(third).toBeGreaterThan(second);
  });

  it('holds up no record where it can not be written, and has it once it can', async () => {
    const folder = await tempFolder();
    await mkdir(manifestCopyPath(folder));
    const manifest = await open(folder);
    await openSegment(manifest, 1);
    await rmdir(manifestCopyPath(folder));
    await openSegment(manifest, 2);

    expect(await readFile(manifestCopyPath(folder))).toEqual(await readFile(manifestPath(folder)));
  });

  it('refuses a store of a newer version, which says so in both files', async () => {
    const { folder, bytes } = await written();
    const last = bytes.lastIndexOf('\n', bytes.length - 2) + 1;
    for (const file of [manifestPath(folder), manifestCopyPath(folder)])
      await overwrite(file, last, '{"v":2');

    await expect(open(folder)).rejects.toThrow('a newer version of this program');
  });
});
