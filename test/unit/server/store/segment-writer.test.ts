import { writeSync } from 'node:fs';
import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { encodeBatchBody } from '../../../../server/store/segments/batch-line.ts';
import { openDataDir } from '../../../../server/store/segments/data-dir.ts';
import { Manifest } from '../../../../server/store/segments/manifest.ts';
import { SegmentEventStore } from '../../../../server/store/segments/segment-event-store.ts';
import { SegmentWriter, WRITER_DEFAULTS } from '../../../../server/store/segments/segment-writer.ts';
import { aBatch, anEvent, readAll } from '../../../support/events.ts';
import { fill, openStore, readable, segmentPath } from '../../../support/segment-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

type PartialWrite = (
  this: FileHandle,
  bytes: Uint8Array,
  start: number,
  length: number,
  position: number,
) => Promise<void>;

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
    expect(store.health().isWritable).toBe(false);
    await store.append(identity, () => contents);
    expect(store.health().isWritable).toBe(true);

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

  it('leaves one new segment behind, however often a flush fails', async () => {
    const folder = await tempFolder();
    const store = await openStore(folder);
    await fill(store, 1);
    const { identity, contents } = aBatch([anEvent({ timestamp: 7 })]);
    for (let round = 0; round < 5; round++) {
      await failOnce('datasync', 'EIO', folder);
      await expect(store.append(identity, () => contents)).rejects.toThrow();
    }
    const small = aBatch([anEvent({ timestamp: 8, context: [] })]);

    // Shorter than what failed in its place.
    await store.append(small.identity, () => small.contents);
    const { size } = await stat(segmentPath(folder, 2));
    expect(store.snapshot().segments.at(-1)?.length).toBe(size);
    await store.append(identity, () => contents);

    expect(await readdir(path.join(folder, 'segments'))).toEqual(['00000001.jsonl', '00000002.jsonl']);
    await store.close();
    expect(await readable(await openStore(folder))).toEqual({ timestamps: [0, 7, 8], damage: [] });
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

describe('closing a segment', () => {
  async function writerBeside(
    length: number,
  ): Promise<{ readonly writer: SegmentWriter; readonly names: () => Promise<readonly string[]> }> {
    const dir = await openDataDir(await tempFolder());
    const manifest = await Manifest.open(dir, 0);
    await manifest.append({ op: 'open', segment: 1, position: 1 });
    const missing = { number: 1, length, canContinue: false };
    const writer = await SegmentWriter.open(dir, manifest, WRITER_DEFAULTS, missing, 1, 0);
    onTestFinished(async () => {
      await writer.close();
      await manifest.close();
    });
    return { writer, names: () => readdir(dir.segments) };
  }

  it('leaves one open whose file is missing, also if it is forced, until a batch comes', async () => {
    const { writer, names } = await writerBeside(0);

    await Promise.all([writer.roll(), writer.roll(true)]);
    expect(writer.active).toEqual({ number: 1, length: 0 });
    expect(await names()).toEqual([]);

    const { identity, contents } = aBatch();
    const appended = writer.append(encodeBatchBody(identity, contents), () => undefined);
    await Promise.all([writer.roll(true), appended]);
    expect(writer.active).toMatchObject({ number: 2 });
    expect(writer.active.length).toBeGreaterThan(0);
    expect(await names()).toEqual(['00000002.jsonl']);
  });

  it('closes an empty one if it is forced, and none twice', async () => {
    const { writer, names } = await writerBeside(0);
    const { identity, contents } = aBatch();
    await writer.append(encodeBatchBody(identity, contents), () => undefined);
    await writer.roll();
    await writer.roll();
    expect(writer.active).toEqual({ number: 3, length: 0 });

    await Promise.all([writer.roll(), writer.roll(true), writer.roll()]);
    expect(writer.active).toEqual({ number: 4, length: 0 });
    expect(await names()).toHaveLength(3);
  });
});
