import { writeSync } from 'node:fs';
import {
  appendFile,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Damage } from '../../../../server/store/event-store.ts';
import { openSnapshot } from '../../../../server/store/open-store.ts';
import { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { aBatch, anEvent, FILTER, readAll, type ABatch } from '../../../support/events.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

type PartialWrite = (
  this: FileHandle,
  bytes: Uint8Array,
  start: number,
  length: number,
  position: number,
) => Promise<void>;

async function openStore(folder: string, segmentBytes = 1 << 26): Promise<SegmentEventStore> {
  const options = { segmentBytes, maxWaitingBytes: 1 << 26, maxGroupBytes: 1 << 23 };
  const store = await SegmentEventStore.open(folder, 0, options);
  onTestFinished(() => store.close());
  return store;
}

async function fill(store: SegmentEventStore, count: number): Promise<readonly ABatch[]> {
  const batches: ABatch[] = [];
  for (let index = 0; index < count; index++) {
    const batch = aBatch([anEvent({ timestamp: index })]);
    await store.append(batch.identity, () => batch.contents);
    batches.push(batch);
  }
  return batches;
}

function segmentPath(folder: string, number = 1): string {
  return path.join(folder, 'segments', `${String(number).padStart(8, '0')}.jsonl`);
}

function manifestPath(folder: string): string {
  return path.join(folder, 'manifest.jsonl');
}

async function lineOffsets(file: string): Promise<readonly number[]> {
  const text = await readFile(file, 'latin1');
  const offsets = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) offsets.push(at + 1);
  return offsets;
}

async function overwrite(file: string, offset: number, text: string): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(text, offset);
  await handle.close();
}

async function readable(store: SegmentEventStore): Promise<{ timestamps: number[]; damage: Damage[] }> {
  const damage: Damage[] = [];
  const timestamps: number[] = [];
  for await (const events of openSnapshot(store.snapshot()).read(FILTER, (found) => damage.push(found))) {
    timestamps.push(...events.map(({ timestamp }) => timestamp));
  }
  return { timestamps, damage };
}

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
    const manifest = path.join(folder, 'manifest.jsonl');
    await truncate(manifest, (await stat(manifest)).size - 3);

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
    await overwrite(path.join(folder, 'manifest.jsonl'), 40, '#');

    await expect(openStore(folder)).rejects.toThrow(/manifest\.jsonl is damaged at byte 0/);
  });

  it('refuses to begin anew beside segments whose manifest is gone', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    await store.close();
    await rm(path.join(folder, 'manifest.jsonl'));

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
    expect((await readAll(reopened)).map(({ position }) => position)).toEqual([1, 2, 3]);
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
    ['a batch line of another version', segmentPath, line(2, '"position":9}')],
    ['a manifest record of another version', manifestPath, line(2, '"op":"open","segment":2}')],
    ['an operation that is not known', manifestPath, line(1, '"op":"seal","segment":1}')],
  ])('is refused and left as it is: %s', async (_title, file, added) => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    await store.close();
    await appendFile(file(folder), added);
    const before = await readFile(file(folder));

    await expect(openStore(folder)).rejects.toThrow(/newer version/);

    expect(await readFile(file(folder))).toEqual(before);
  });
});

describe('waiting for the disk', () => {
  const bodies = (count: number) =>
    Array.from({ length: count }, (_, timestamp) => aBatch([anEvent({ timestamp })]));

  it('refuses what is too much at once, and takes it later', async () => {
    const folder = await tempFolder();
    const options = { segmentBytes: 1 << 26, maxWaitingBytes: 1_000, maxGroupBytes: 1 << 23 };
    const store = await SegmentEventStore.open(folder, 0, options);
    onTestFinished(() => store.close());
    const batches = bodies(20);

    const results = await Promise.allSettled(
      batches.map(({ identity, contents }) => store.append(identity, () => contents)),
    );
    const refused = results.flatMap((result): unknown[] =>
      result.status === 'rejected' ? [result.reason] : [],
    );
    for (const { identity, contents } of batches) await store.append(identity, () => contents);

    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]).toMatchObject({ code: 'STORE_BUSY', retryAfterSeconds: 5 });
    expect(await readAll(store)).toHaveLength(20);
  });

  it('writes what waits together in groups of bounded size, the first line of each marked', async () => {
    const marks = async (maxGroupBytes: number): Promise<number> => {
      const folder = await tempFolder();
      const options = { segmentBytes: 1 << 26, maxWaitingBytes: 1 << 26, maxGroupBytes };
      const store = await SegmentEventStore.open(folder, 0, options);
      await Promise.all(bodies(6).map(({ identity, contents }) => store.append(identity, () => contents)));
      await store.close();
      return (await readFile(segmentPath(folder), 'utf8')).match(/"durable":/g)?.length ?? 0;
    };

    expect(await marks(1 << 23)).toBe(1);
    expect(await marks(1)).toBe(6);
  });
});

describe('a failing disk', () => {
  async function failOnce(
    method: 'write' | 'datasync' | 'sync',
    code: string,
    folder: string,
  ): Promise<void> {
    const probe = await open(folder, 'r');
    const prototype: unknown = Object.getPrototypeOf(probe);
    await probe.close();
    const error = Object.assign(new Error(code), { code });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const spy = vi.spyOn(prototype as { [name in typeof method]: () => Promise<void> }, method);
    spy.mockRejectedValueOnce(error);
    onTestFinished(() => spy.mockRestore());
  }

  it('closes the segment at its durable length when a flush fails, and counts the retry once', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    const durable = (await stat(segmentPath(folder))).size;
    const { identity, contents } = aBatch([anEvent({ timestamp: 7 })]);
    await failOnce('datasync', 'EIO', folder);

    await expect(store.append(identity, () => contents)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(store.health().isWritable).toBe(false);
    expect((await readable(store)).timestamps).toEqual([0]);
    // What was not flushed is in the file, and may be there after a crash.
    expect((await stat(segmentPath(folder))).size).toBeGreaterThan(durable);

    const { segments } = store.snapshot();
    expect(segments.map(({ length }) => length)).toEqual([durable]);

    expect(await store.append(identity, () => contents)).toMatchObject({ isNew: true });
    expect(store.health().isWritable).toBe(true);
    // The bytes that do not count are given back.
    expect((await stat(segmentPath(folder))).size).toBe(durable);
    await store.close();
    const reopened = await openStore(folder);
    // The first copy had position 2.
    expect((await readAll(reopened)).map(({ timestamp, position }) => [timestamp, position])).toEqual([
      [0, 1],
      [7, 3],
    ]);
    expect(reopened.health().damage).toEqual([]);
  });

  it('says that the disk is full, and goes on when there is space', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    const { identity, contents } = aBatch([anEvent({ timestamp: 7 })]);
    await failOnce('write', 'ENOSPC', folder);

    await expect(store.append(identity, () => contents)).rejects.toMatchObject({
      code: 'STORE_FULL',
      retryAfterSeconds: 5,
    });
    await store.append(identity, () => contents);

    expect((await readable(store)).timestamps).toEqual([0, 7]);
    expect(await readdir(path.join(folder, 'segments'))).toEqual(['00000001.jsonl']);
    await store.close();
    expect((await readable(await openStore(folder))).damage).toEqual([]);
  });

  it('cuts off what did fit on a full disk, so that the space is free for others', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    const durable = (await stat(segmentPath(folder))).size;
    const probe = await open(folder, 'r');
    const prototype: unknown = Object.getPrototypeOf(probe);
    await probe.close();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const spy = vi.spyOn(prototype as { write: PartialWrite }, 'write');
    onTestFinished(() => spy.mockRestore());
    let written = 0;
    spy.mockImplementationOnce(async function (this: FileHandle, bytes, start, length, position) {
      written = writeSync(this.fd, bytes, start, Math.floor(length / 2), position);
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    });
    const { identity, contents } = aBatch();

    await expect(store.append(identity, () => contents)).rejects.toMatchObject({ code: 'STORE_FULL' });

    expect(written).toBeGreaterThan(0);
    expect((await stat(segmentPath(folder))).size).toBe(durable);
    expect(store.health().isWritable).toBe(true);
  });

  it('keeps no file of a segment that could not be opened', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder, 1);
    await fill(store, 1);
    for (let round = 0; round < 3; round++) {
      const { identity, contents } = aBatch();
      await failOnce('sync', 'EIO', folder);
      await expect(store.append(identity, () => contents)).rejects.toThrow();
    }
    expect(await readdir(path.join(folder, 'segments'))).toEqual(['00000001.jsonl']);
  });

  it('acknowledges nothing until the manifest says that the failed segment is closed', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    const [first, second] = [aBatch([anEvent({ timestamp: 1 })]), aBatch([anEvent({ timestamp: 2 })])];
    await failOnce('datasync', 'EIO', folder);
    await expect(store.append(first.identity, () => first.contents)).rejects.toThrow();
    await failOnce('sync', 'EIO', folder);

    await expect(store.append(second.identity, () => second.contents)).rejects.toThrow();
    await store.append(second.identity, () => second.contents);
    await store.close();

    expect((await readable(await openStore(folder))).timestamps).toEqual([0, 2]);
  });
});
