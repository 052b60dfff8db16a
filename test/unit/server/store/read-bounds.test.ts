import { access, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Damage, RowSink, StoreSnapshot } from '../../../../server/store/event-store.ts';
import { READ_LIMITS, type ReadLimits } from '../../../../server/store/segments/rows/read-limits.ts';
import { SegmentReader } from '../../../../server/store/segments/segment-reader.ts';
import { anEvent, FILTER } from '../../../support/events.ts';
import { watchReads } from '../../../support/file-reads.ts';
import { eventOf, LineSink, readEvents, snapshotOf } from '../../../support/read-rows.ts';
import { openFiles } from '../../../support/open-files.ts';
import { lineOffsets, overwrite } from '../../../support/segment-files.ts';
import { aBatchNow, logLines, NOW, pairIn, seal, storedEvents } from '../../../support/sealed-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** Batches whose events lie among those of the others, each some 150 bytes. */
function someBatches(count: number) {
  return Array.from({ length: count }, (_, batch) =>
    aBatchNow(
      Array.from({ length: 100 }, (_none, at) =>
        anEvent({ timestamp: NOW + ((batch * 37 + at * 61) % 1_000), context: ['x'.repeat(20)] }),
      ),
    ),
  );
}

/** A log segment of batches. */
async function logOf(folder: string, count: number) {
  const batches = someBatches(count);
  const bytes = Buffer.concat(logLines(batches));
  const file = path.join(folder, 'a.log');
  await writeFile(file, bytes);
  const snapshot = snapshotOf({ segments: [{ path: file, length: bytes.length, dropped: [] }] });
  return { snapshot, batches, file, length: bytes.length };
}

async function read(
  snapshot: StoreSnapshot,
  scratchPath: string,
  sink: RowSink,
  limits: Partial<ReadLimits> = {},
) {
  const damage: Damage[] = [];
  const progress: (readonly [scanned: number, total: number])[] = [];
  await new SegmentReader(snapshot, { ...READ_LIMITS, ...limits }).readRows(FILTER, sink, {
    scratchPath,
    onDamage: (found) => damage.push(found),
    onProgress: (scanned, total) => progress.push([scanned, total]),
  });
  return { damage, progress };
}

describe('reading rows within bounds', () => {
  it('reads lines of a log that are longer than what is read at once', async () => {
    const folder = await tempFolder();
    const long = anEvent({ context: ['x'.repeat(600_000)] });
    const batches = [
      aBatchNow([anEvent(), long, anEvent()]),
      ...someBatches(2),
      aBatchNow([long, anEvent()]),
    ];
    const bytes = Buffer.concat(logLines(batches));
    const file = path.join(folder, 'a.log');
    await writeFile(file, bytes);
    const snapshot = snapshotOf({ segments: [{ path: file, length: bytes.length, dropped: [] }] });

    for (const limits of [{ logChunkBytes: 10_000, arenaBytes: 1_000 }, { logChunkBytes: 100_000 }]) {
      const sink = new LineSink();
      const { damage } = await read(snapshot, path.join(folder, 'scratch'), sink, limits);
      expect(damage).toEqual([]);
      expect(sink.lines.map((line) => eventOf(line, FILTER))).toEqual(storedEvents(batches));
    }
  });

  it('makes no scratch file where the memory is enough', async () => {
    const folder = await tempFolder();
    const { snapshot, batches } = await logOf(folder, 20);
    const sink = new LineSink();

    await read(snapshot, path.join(folder, 'none', 'scratch'), sink);

    expect(sink.lines).toHaveLength(batches.length * 100);
  });

  it('leaves no name of the scratch file behind, and takes none that is there', async () => {
    const folder = await tempFolder();
    const { snapshot, batches } = await logOf(folder, 20);
    const scratch = path.join(folder, 'scratch');
    const sink = new LineSink();

    await read(snapshot, scratch, sink, { arenaBytes: 10_000 });

    expect(sink.lines).toHaveLength(batches.length * 100);
    await expect(access(scratch)).rejects.toThrow('ENOENT');
    await writeFile(scratch, 'of somebody else');
    await expect(read(snapshot, scratch, sink, { arenaBytes: 10_000 })).rejects.toThrow('EEXIST');
    await rm(scratch);
    const nowhere = path.join(folder, 'none', 'scratch');
    await expect(read(snapshot, nowhere, sink, { arenaBytes: 10_000 })).rejects.toThrow('ENOENT');
  });

  it.each([
    ['a log segment', false],
    ['sealed segments', true],
  ])('asks the sink to wait after 256 KiB or less: %s', async (_name, isSealed) => {
    const folder = await tempFolder();
    const { snapshot, batches } = await logOf(folder, 60);
    await seal(folder, logLines(batches.slice(0, 30)), 'a');
    await seal(folder, logLines(batches.slice(30), 31), 'b');
    const sealed = ['a', 'b'].map((name) => ({
      files: pairIn(folder, name),
      times: [[0, Infinity]] as const,
    }));
    let [added, most, waiting, early, bytes] = [0, 0, false, 0, 0];
    const sink: RowSink = {
      add: (_bytes, start, end) => {
        if (waiting) early++;
        added += end - start;
        bytes += end - start;
        most = Math.max(most, added);
      },
      drained: async () => {
        added = 0;
        waiting = true;
        await new Promise((resolve) => setImmediate(resolve));
        waiting = false;
      },
    };

    await read(isSealed ? snapshotOf({ sealed }) : snapshot, path.join(folder, 'scratch'), sink);

    expect(bytes).toBeGreaterThan(700_000);
    expect(most).toBeLessThanOrEqual(262_144);
    expect(most).toBeGreaterThan(60_000);
    expect(early).toBe(0);
  });

  it('tells how far it is, to the end', async () => {
    const folder = await tempFolder();
    const { snapshot, batches, length } = await logOf(folder, 60);
    await seal(folder, logLines(batches), 'a');
    const sealed = [{ files: pairIn(folder, 'a'), times: [[0, Infinity]] as const }];
    const other = { path: path.join(folder, 'missing'), length: 1_000, dropped: [] };
    const both = snapshotOf({ sealed, segments: [...snapshot.segments, other] });

    const { progress } = await read(both, path.join(folder, 'scratch'), new LineSink());

    const total = progress.at(-1)?.[1] ?? 0;
    expect(total).toBeGreaterThan(length + 1_000 + (await stat(pairIn(folder, 'a').data)).size - 1_000);
    expect(progress.every(([, ofAll]) => ofAll === total)).toBe(true);
    expect(progress.map(([scanned]) => scanned)).toEqual(
      progress.map(([scanned]) => scanned).toSorted((a, b) => a - b),
    );
    expect(progress[0]).toEqual([0, total]);
    expect(progress.at(-1)).toEqual([total, total]);
    expect(progress.length).toBeGreaterThan(3);
  });

  it('has few files open at once, however many segments have the same time', async () => {
    const folder = await tempFolder();
    const batches = someBatches(12);
    const sealed = [];
    for (const [at, batch] of batches.entries()) {
      await seal(folder, logLines([batch], at + 1), `${at}`);
      sealed.push({ files: pairIn(folder, `${at}`), times: [[0, Infinity]] as const });
    }

    const lines = new LineSink();
    let most = 0;
    const sink: RowSink = {
      add: (bytes, start, end) => lines.add(bytes, start, end),
      drained: async () => {
        most = Math.max(most, (await openFiles(folder)).filter((file) => file.endsWith('.jsonl')).length);
      },
    };
    const limits = { maxRuns: 3, readBytes: 1_000, arenaBytes: 30_000 };

    const { damage } = await read(snapshotOf({ sealed }), path.join(folder, 'scratch'), sink, limits);

    expect(lines.lines.map((line) => eventOf(line, FILTER))).toEqual(storedEvents(batches));
    expect(damage).toEqual([]);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    // Of those that are merged nothing is sorted, and of twelve nine are too many.
    const nowhere = path.join(folder, 'none', 'scratch');
    await read(snapshotOf({ sealed }), nowhere, lines, { ...limits, maxRuns: 12, arenaBytes: 1 });
    await expect(
      read(snapshotOf({ sealed }), nowhere, lines, { ...limits, maxRuns: 11, arenaBytes: 1 }),
    ).rejects.toThrow('ENOENT');
  });
});

describe('reading rows of damaged files', () => {
  it('reports each damaged line of a log, whether it has an event of the product or not', async () => {
    const folder = await tempFolder();
    const batches = [FILTER.product, 'OTHER', FILTER.product, 'OTHER', FILTER.product].map((product, at) =>
      aBatchNow([anEvent({ product, timestamp: NOW + at })]),
    );
    const bytes = Buffer.concat(logLines(batches));
    const file = path.join(folder, 'a.log');
    await writeFile(file, bytes);
    const offsets = await lineOffsets(file);
    const at = (line: number) => offsets[line] ?? 0;
    for (const line of [1, 2]) await overwrite(file, at(line) + 60, '#');
    const segment = { path: file, length: bytes.length, dropped: [] };

    const { events, damage } = await readEvents(snapshotOf({ segments: [segment] }), FILTER);
    const dropped = await readEvents(
      snapshotOf({ segments: [{ ...segment, dropped: [at(0), at(2)] }] }),
      FILTER,
    );

    expect(events.map(({ timestamp }) => timestamp - NOW)).toEqual([0, 4]);
    expect(damage).toEqual(
      [1, 2].map((line) => ({ path: file, offset: at(line), reason: 'the line is damaged' })),
    );
    expect(dropped.events.map(({ timestamp }) => timestamp - NOW)).toEqual([4]);
    expect(dropped.damage.map(({ offset }) => offset)).toEqual([at(1)]);
  });

  it('reports where a log ends too early, in a line or between two, once', async () => {
    const folder = await tempFolder();
    const { snapshot, file, length } = await logOf(folder, 3);
    const offsets = await lineOffsets(file);
    for (const end of [length - 10, offsets[2] ?? 0, 0]) {
      await truncate(file, end);
      const { damage } = await readEvents(snapshot, FILTER);
      expect(damage).toEqual([{ path: file, offset: end, reason: 'the file ends too early' }]);
    }
    await rm(file);
    expect(await readEvents(snapshot, FILTER)).toEqual({
      events: [],
      damage: [{ path: file, offset: 0, reason: 'the file is missing' }],
    });
  });

  it('reports a line that nothing ends where all of the file is there', async () => {
    const folder = await tempFolder();
    const { snapshot, file, length } = await logOf(folder, 3);
    const last = (await lineOffsets(file))[2] ?? 0;
    const [segment] = snapshot.segments;
    if (segment === undefined) throw new Error('there is one');

    const cut = snapshotOf({ segments: [{ ...segment, length: length - 1 }] });

    const { events, damage } = await readEvents(cut, FILTER);
    expect(events).toHaveLength(200);
    expect(damage).toEqual([{ path: file, offset: last, reason: 'the line is damaged' }]);
  });

  it('reports once that a sealed segment ends too early, however many blocks are gone', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines(someBatches(40)), 'a');
    const files = pairIn(folder, 'a');
    await truncate(files.data, 200_000);

    const { events, damage } = await readEvents(
      snapshotOf({ sealed: [{ files, times: [[0, Infinity]] }] }),
      FILTER,
    );

    expect(damage.filter(({ reason }) => reason === 'the file ends too early')).toEqual([
      { path: files.data, offset: 200_000, reason: 'the file ends too early' },
    ]);
    expect(events.length).toBeGreaterThan(1_000);
  });

  it('passes over a block of a sealed segment that the disk can not read', async () => {
    const folder = await tempFolder();
    await seal(folder, logLines(someBatches(30)), 'a');
    const files = pairIn(folder, 'a');
    const snapshot = snapshotOf({ sealed: [{ files, times: [[0, Infinity]] }] });
    const whole = await readEvents(snapshot, FILTER);
    const reads = await watchReads();
    // The index's page comes first, then the first block; it is tried once more by itself.
    const { length } = whole.events;
    let tries = 0;
    reads.failWhere((offset) => offset > 0 && offset < 1_000 && tries++ < 2, 'EIO');

    const { events, damage } = await readEvents(snapshot, FILTER);

    expect(damage).toMatchObject([{ path: files.data, reason: 'the disk can not read it' }]);
    expect(events.length).toBeGreaterThan(length / 2);
    expect(events).toEqual(whole.events.slice(-events.length));
  });

  it('leaves out the lines of a log segment that the disk can not read, and no others', async () => {
    const folder = await tempFolder();
    const batches = Array.from({ length: 400 }, (_, batch) =>
      aBatchNow([anEvent({ timestamp: NOW + batch })]),
    );
    const file = path.join(folder, 'a.log');
    await writeFile(file, Buffer.concat(logLines(batches)));
    const { size } = await stat(file);
    const snapshot = snapshotOf({ segments: [{ path: file, length: size, dropped: [] }] });
    const offsets = await lineOffsets(file);
    const [chunkBytes, bad, badEnd] = [16_384, 40_960, 45_056];
    const reads = await watchReads();
    let tries = 0;
    // The chunk is tried as a whole first, then page by page.
    reads.failWhere((offset) => offset === bad || (offset === 2 * chunkBytes && tries++ === 0), 'EIO');
    const sink = new LineSink();

    const { damage } = await read(snapshot, path.join(folder, 'scratch'), sink, {
      logChunkBytes: chunkBytes,
    });

    const isWhole = (line: number): boolean =>
      (offsets[line + 1] ?? Infinity) <= bad || (offsets[line] ?? 0) >= badEnd;
    const whole = [...batches.keys()].filter(isWhole);
    expect(whole.length).toBeLessThan(batches.length - 5);
    expect(sink.lines.map((line) => Number(line.slice(1, line.indexOf(','))) - NOW)).toEqual(whole);
    const first = offsets.findLast((offset) => offset <= bad);
    expect(damage).toEqual([{ path: file, offset: first, reason: 'the line is damaged' }]);
  });
});
