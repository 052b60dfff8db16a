import fc from 'fast-check';
import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Damage, SnapshotSegment, StoreSnapshot } from '../../server/store/event-store.ts';
import { READ_LIMITS } from '../../server/store/segments/rows/read-limits.ts';
import { SegmentReader } from '../../server/store/segments/segment-reader.ts';
import { anEvent, FILTER } from '../support/events.ts';
import { watchReads } from '../support/file-reads.ts';
import { LineSink, snapshotOf } from '../support/read-rows.ts';
import { aBatchNow, logLines, NOW } from '../support/sealed-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const THREAD = path.resolve('dist/server/log-thread.js');
/** Neither absolute nor beginning with a dot, so that no thread is made: as if the system had none left. */
const REFUSED_PATH = 'log-thread.js';
/** Some lines are longer. */
const SHORT_CHUNK = 3_000;
/** Bytes of a line of which a buffer can't hold the beginning. */
const TOO_LONG = 600_000;
/** It may have more bad lines than the thread names. */
const LONG_CHUNK = 60_000;

interface Log {
  /** For each batch, how many events it has. */
  readonly batches: readonly number[];
  /** What is wrong with the file. */
  readonly fault: 'nothing' | 'gone' | 'cut' | 'no newline' | 'a byte' | 'bytes everywhere';
  readonly at: number;
}

const log = fc.record<Log>({
  batches: fc.array(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 6 }) }, fc.constant(40)), {
    minLength: 1,
    maxLength: 200,
    size: 'max',
  }),
  fault: fc.constantFrom('nothing', 'nothing', 'gone', 'cut', 'no newline', 'a byte', 'bytes everywhere'),
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

const logs = fc.array(log, { minLength: 2, maxLength: 5 });

async function write(folder: string, { batches, fault, at }: Log, number: number): Promise<SnapshotSegment> {
  const made = batches.map((count, batch) =>
    aBatchNow(
      Array.from({ length: count }, (_, event) =>
        anEvent({
          timestamp: NOW + ((batch * 37 + event * 61) % 1_000),
          product: event % 3 === 0 ? 'OTHER' : FILTER.product,
          context: ['x'.repeat((batch * event) % 90)],
        }),
      ),
    ),
  );
  const lines = logLines(made, 1 + 1_000 * number);
  const bytes = Buffer.concat(lines);
  const file = path.join(folder, `${number}.log`);
  const dropped = number % 2 === 0 ? [] : [lines[0]?.length ?? 0];
  const place = Math.floor(at * bytes.length);
  if (fault === 'a byte') bytes[place] = (bytes[place] ?? 0) ^ 1;
  if (fault === 'bytes everywhere') for (let each = 0; each < bytes.length; each += 97) bytes[each] = 0x61;
  await writeFile(file, bytes);
  if (fault === 'gone') await rm(file);
  if (fault === 'cut') await truncate(file, place);
  return { path: file, length: bytes.length - (fault === 'no newline' ? 1 : 0), dropped };
}

async function read(
  snapshot: StoreSnapshot,
  scratchPath: string,
  logThreadPath?: string,
  logChunkBytes = SHORT_CHUNK,
) {
  const sink = new LineSink();
  const damage: Damage[] = [];
  const progress: number[] = [];
  await new SegmentReader(snapshot, {
    ...READ_LIMITS,
    logChunkBytes,
    logThreadBytes: 0,
  }).readRows(FILTER, sink, {
    scratchPath,
    onDamage: (found) => damage.push(found),
    onProgress: (scanned) => progress.push(scanned),
    ...(logThreadPath !== undefined && { logThreadPath }),
  });
  return { lines: sink.lines, damage, scanned: progress.at(-1) };
}

describe('log segments that a thread reads', () => {
  it('give the same rows, and the same damage, as without', async () => {
    const folder = await tempFolder();
    const scratch = path.join(folder, 'scratch');
    await fc.assert(
      fc.asyncProperty(logs, fc.constantFrom(SHORT_CHUNK, LONG_CHUNK), async (list, chunk) => {
        const segments = await Promise.all(list.map((each, number) => write(folder, each, number)));
        const snapshot = snapshotOf({ segments });

        expect(await read(snapshot, scratch, THREAD, chunk)).toEqual(
          await read(snapshot, scratch, undefined, chunk),
        );
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('are read by it, all but the first one', async () => {
    const folder = await tempFolder();
    const whole: Log = { batches: Array.from({ length: 200 }, () => 5), fault: 'nothing', at: 0 };
    const segments = await Promise.all([0, 1, 2].map((number) => write(folder, whole, number)));
    const reads = await watchReads();
    await read(snapshotOf({ segments }), path.join(folder, 'scratch'), THREAD);

    expect(reads.bytes()).toBe(segments[0]?.length);
  });

  it('give all rows around a line that the thread can not hand over', async () => {
    const folder = await tempFolder();
    const scratch = path.join(folder, 'scratch');
    const whole: Log = { batches: Array.from({ length: 100 }, () => 5), fault: 'nothing', at: 0 };
    const short = await Promise.all([0, 1, 2].map((number) => write(folder, whole, number)));
    const long = aBatchNow([anEvent({ timestamp: NOW, context: ['x'.repeat(TOO_LONG)] })]);
    const file = short[1]?.path ?? '';
    const bytes = await readFile(file);
    await writeFile(file, Buffer.concat([bytes, ...logLines([long], 5_000), bytes]));
    const { size } = await stat(file);
    const segments = short.map((each) => (each.path === file ? { ...each, length: size } : each));
    const snapshot = snapshotOf({ segments });

    const made = await read(snapshot, scratch, THREAD, LONG_CHUNK);
    expect(made).toEqual(await read(snapshot, scratch, undefined, LONG_CHUNK));
    expect(made.lines.some((line) => line.length > TOO_LONG)).toBe(true);
    expect(made.damage).toEqual([]);
  });

  it('are read without it where there is only one', async () => {
    const folder = await tempFolder();
    const scratch = path.join(folder, 'scratch');
    const whole: Log = { batches: [1, 2, 3], fault: 'nothing', at: 0 };
    const segments = await Promise.all([0, 1].map((number) => write(folder, whole, number)));
    let started = 0;
    const count = (): void => void started++;
    process.on('worker', count);
    onTestFinished(() => void process.off('worker', count));

    await read(snapshotOf({ segments: segments.slice(1) }), scratch, THREAD);
    expect(started).toBe(0);
    await read(snapshotOf({ segments }), scratch, THREAD);
    expect(started).toBe(1);
  });

  it.each([0, 1, 2, 7, 20])('are read without it, once it has ended after %i parts', async (parts) => {
    const folder = await tempFolder();
    const scratch = path.join(folder, 'scratch');
    const ending = path.join(folder, 'ending.mjs');
    await writeFile(
      ending,
      `let left = ${parts};
       const { load, notify } = Atomics;
       Atomics.notify = (...to) => { left--; return notify(...to); };
       Atomics.load = (...from) => { if (left <= 0) throw new Error('no thread'); return load(...from); };
       await import(${JSON.stringify(THREAD)});`,
    );
    const whole: Log = { batches: Array.from({ length: 100 }, () => 5), fault: 'nothing', at: 0 };
    const snapshot = snapshotOf({
      segments: await Promise.all([0, 1, 2].map((number) => write(folder, whole, number))),
    });

    expect(await read(snapshot, scratch, ending, 10_000)).toEqual(await read(snapshot, scratch));
  });

  it('are read without it, if it does not start', async () => {
    const folder = await tempFolder();
    const scratch = path.join(folder, 'scratch');
    const broken = path.join(folder, 'broken.mjs');
    await writeFile(broken, 'throw new Error("no thread")');
    const whole: Log = { batches: [1, 2, 3], fault: 'nothing', at: 0 };
    const snapshot = snapshotOf({
      segments: await Promise.all([0, 1].map((one) => write(folder, whole, one))),
    });

    const alone = await read(snapshot, scratch);
    expect(await read(snapshot, scratch, broken)).toEqual(alone);
    expect(await read(snapshot, scratch, REFUSED_PATH)).toEqual(alone);
  });
});
