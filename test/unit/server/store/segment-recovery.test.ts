import { appendFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { aBatch, anEvent, readAll } from '../../../support/events.ts';
import {
  fill,
  lineOffsets,
  manifestPath,
  manifestPaths,
  openStore,
  overwrite,
  readable,
  segmentPath,
} from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

describe('recovery', () => {
  it('cuts a last line that was torn at any byte', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 3);
    await store.close();
    const file = segmentPath(folder);
    const whole = await readFile(file);
    const offsets = await lineOffsets(file);
    const last = offsets[2] ?? 0;

    for (let length = last; length < whole.length; length += 13) {
      await writeFile(file, whole.subarray(0, length));
      const reopened = await openStore(folder);
      expect((await readable(reopened)).timestamps).toEqual([0, 1]);
      await reopened.close();
      expect((await stat(file)).size).toBe(last);
      expect(reopened.health().damage).toEqual([]);
    }
  });

  it('takes a batch whose line was torn as new, at a position that was never used', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    const [, torn] = await fill(store, 2);
    await store.close();
    const file = segmentPath(folder);
    await truncate(file, (await stat(file)).size - 5);

    const reopened = await openStore(folder);
    if (torn === undefined) throw new Error('there are two');
    const outcome = await reopened.append(torn.identity, () => torn.contents);

    expect(outcome).toMatchObject({ isNew: true });
    expect((await readAll(reopened)).map(({ position }) => position)).toEqual([1, 3]);
  });

  it('cuts all from the first damage beyond the last durable mark, whole lines too', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    const group = [1, 2, 3].map((timestamp) => aBatch([anEvent({ timestamp })]));
    await Promise.all(group.map(({ identity, contents }) => store.append(identity, () => contents)));
    await store.close();
    const file = segmentPath(folder);
    const offsets = await lineOffsets(file);
    await overwrite(file, (offsets[2] ?? 0) + 60, '#');

    const reopened = await openStore(folder);

    expect((await readable(reopened)).timestamps).toEqual([0, 1]);
    expect((await stat(file)).size).toBe(offsets[2]);
  });

  it('reports damage before the last durable mark with file and offset, and keeps the rest', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    const batches = await fill(store, 4);
    await store.close();
    const file = segmentPath(folder);
    const offset = (await lineOffsets(file))[1] ?? 0;
    await overwrite(file, offset + 60, '#');

    const reopened = await openStore(folder);
    const expected = { path: file, offset, reason: 'the line is damaged' };

    expect(reopened.health().damage).toEqual([expected]);
    expect(await readable(reopened)).toEqual({ timestamps: [0, 2, 3], damage: [expected] });
    const damaged = batches[1];
    if (damaged === undefined) throw new Error('there are four');
    expect(await reopened.append(damaged.identity, () => damaged.contents)).toMatchObject({ isNew: true });
  });

  it('reports damage anywhere in a closed segment, its end included', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder, 1);
    await fill(store, 2);
    await store.close();
    const file = segmentPath(folder, 1);
    await truncate(file, (await stat(file)).size - 1);

    const reopened = await openStore(folder);

    expect(reopened.health().damage.map(({ path: at }) => at)).toContain(file);
    expect((await readable(reopened)).timestamps).toEqual([1]);
  });

  it('goes on in a new segment when a segment is missing, and reports it', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    await store.close();
    await rm(segmentPath(folder));

    const reopened = await openStore(folder);
    await fill(reopened, 1);
    await reopened.close();
    const again = await openStore(folder);

    expect(again.health().damage).toEqual([
      { path: segmentPath(folder), offset: 0, reason: 'the file is missing' },
    ]);
    expect((await readable(again)).timestamps).toEqual([0]);
  });

  it('leaves out a second copy of a batch, at every start', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 2);
    await store.close();
    const file = segmentPath(folder);
    const [, second = 0, end] = await lineOffsets(file);
    const copy = (await readFile(file)).subarray(second, end);
    await appendFile(file, copy);

    for (let round = 0; round < 2; round++) {
      const reopened = await openStore(folder);
      expect((await readAll(reopened)).map(({ timestamp }) => timestamp)).toEqual([0, 1]);
      await reopened.close();
    }
  });

  it('cuts a torn manifest record, removing the file that it would have opened', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder, 1);
    await fill(store, 2);
    await store.close();
    // As if killed between making the second file and the end of its record.
    await truncate(segmentPath(folder, 2), 0);
    const { size } = await stat(manifestPath(folder));
    for (const file of manifestPaths(folder)) await truncate(file, size - 3);

    const reopened = await openStore(folder);
    await fill(reopened, 1);

    expect(await readdir(path.join(folder, 'segments'))).toEqual(['00000001.jsonl']);
    expect((await readable(reopened)).timestamps).toEqual([0, 0]);
  });

  it('refuses to guess when a manifest record before the last is damaged', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder, 1);
    await fill(store, 2);
    await store.close();
    for (const file of manifestPaths(folder)) await overwrite(file, 40, '#');

    await expect(openStore(folder)).rejects.toThrow(/manifest\.jsonl is damaged at byte 0/);
  });

  it('refuses to begin anew beside segments whose manifest is gone', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    await store.close();
    for (const file of manifestPaths(folder)) await rm(file);

    await expect(openStore(folder)).rejects.toThrow(/restore it from a backup/);
    expect(await readdir(path.join(folder, 'segments'))).toEqual(['00000001.jsonl']);
  });

  it('leaves a file alone that the manifest does not know, and reports it', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    await store.close();
    await writeFile(segmentPath(folder, 7), 'precious');

    const reopened = await openStore(folder, 1);
    await fill(reopened, 1);

    expect(reopened.health().damage.map(({ reason }) => reason)).toEqual([
      'the manifest does not know this segment',
    ]);
    expect(await readdir(path.join(folder, 'segments'))).toContain('00000008.jsonl');
    expect(await readFile(segmentPath(folder, 7), 'utf8')).toBe('precious');
  });

  it('takes nothing beyond the length at which a segment was closed', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder, 1);
    await fill(store, 2);
    await store.close();
    const other = await tempFolder();
    const stranger = await openStore(other);
    await fill(stranger, 1);
    await stranger.close();
    await appendFile(segmentPath(folder, 1), await readFile(segmentPath(other)));

    const reopened = await openStore(folder);

    expect((await readable(reopened)).timestamps).toEqual([0, 1]);
    await fill(reopened, 1);
    const positions = (await readAll(reopened)).map(({ position }) => position);
    expect(positions.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(reopened.health().damage).toEqual([]);
  });

  it('lets one process have the folder', async () => {
    const folder = await tempFolder();
    await openStore(folder);

    await expect(openStore(folder)).rejects.toThrow(/in use by another/);
  });
});

describe('a store of a newer version', () => {
  const line = (version: number, fields: string): string => {
    const checksum = crc32(Buffer.from(fields)).toString(16).padStart(8, '0');
    return `{"v":${version},"crc":"${checksum}",${fields}\n`;
  };

  it.each([
    ['a manifest record of another version', line(2, '"op":"open","segment":2}')],
    ['an operation that is not known', line(1, '"op":"shrink","segment":1}')],
    ['and behind it a torn one', `${line(2, '"op":"open","segment":2}')}{"v":2,`],
  ])('is refused and left as it is: %s', async (_title, added) => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    await store.close();
    await appendFile(manifestPath(folder), added);
    const before = await readFile(manifestPath(folder));

    await expect(openStore(folder)).rejects.toThrow(/newer version/);

    expect(await readFile(manifestPath(folder))).toEqual(before);
  });

  it('is known by its manifest alone: a line of the log that nobody understands is not cut, and stops nothing', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    await store.close();
    const file = segmentPath(folder);
    const { size } = await stat(file);
    await appendFile(file, line(2, '"position":9}'));

    const reopened = await openStore(folder);
    await fill(reopened, 1);

    expect(reopened.health().damage).toEqual([{ path: file, offset: size, reason: 'the line is damaged' }]);
    expect(await readFile(file, 'utf8')).toContain(line(2, '"position":9}'));
    expect((await readable(reopened)).timestamps).toEqual([0, 0]);
  });
});
