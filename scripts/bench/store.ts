import { build } from 'esbuild';
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { openSnapshot } from '../../server/store/open-snapshot.ts';
import { compactionInProcess } from '../../server/store/segments/compaction/compaction-process.ts';
import type { CompactionOptions } from '../../server/store/segments/compaction/compactor.ts';
import { dataDir } from '../../server/store/segments/data-dir.ts';
import { FilesInForce } from '../../server/store/segments/files-in-force.ts';
import { readManifest } from '../../server/store/segments/read-manifest.ts';
import { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { WRITER_DEFAULTS } from '../../server/store/segments/segment-writer.ts';
import { isRecord } from '../../shared/text.ts';
import { benchIds } from './store/bench-ids.ts';
import { CUSTOMERS, EventSource, PRODUCTS, type MadeBatch } from './store/event-source.ts';
import { matchingBlockBytes } from './store/matching-block-bytes.ts';
import { printTable, quantile } from './table.ts';

const MILLION = 1_000_000;
const EVENTS_A_BATCH = 10;
const IN_FLIGHT = 64;
/** Batches that are made before their append is measured. */
const CHUNK = 10_000;
const EVENTS_A_DAY = 111_111;
/** The day that is reported on. */
const DAY = 5;
const MB = 1_000_000;

interface Appended {
  readonly seconds: number;
  readonly p99Ms: number;
}

interface Sealing {
  readonly mbPerCpuSecond: number;
  readonly rssMb: number;
}

interface Calm extends Appended {
  readonly logBytes: number;
  readonly sealing: Sealing;
  /** The first in its process. */
  readonly firstSealing: Sealing;
}

interface DayReport {
  readonly rows: number;
  readonly seconds: number;
  readonly bytesRead: number;
  /** Of the blocks that had to be read. */
  readonly matchingBytes: number;
}

/**
 * Fills an embedded store, sealing and merging as the server does, and prints what grows with it: ingest a million,
 * bytes an event, the bytes read for one day's report, and the time until a server on it is ready.
 *
 * @param millions - How many events.
 */
export async function benchStore(millions: number): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'waybill-bench-'));
  try {
    const calm = await measureCalm(path.join(folder, 'calm'));
    const root = path.join(folder, 'store');
    const store = await openStore(root, {
      run: compactionInProcess(path.resolve('dist/server/compaction-child.js')),
      onFailure: (error) => process.stderr.write(`compaction failed: ${String(error)}\n`),
      retryMs: [1_000, 1_000],
      now: Date.now,
    });
    const source = new EventSource(EVENTS_A_DAY);
    const appended: Appended[] = [];
    const days: DayReport[] = [];
    for (let million = 1; million <= millions; million++) {
      // Each begins with nothing left to be sealed, as the first does.
      await store.compacted();
      appended.push(await append(store, source, MILLION / EVENTS_A_BATCH));
      process.stderr.write(`${million} of ${millions} million events\n`);
      // The same day, when the store holds a million events, and at the end.
      if (million === 1 || million === millions) {
        await store.roll();
        await store.compacted();
        days.push(await reportDay(store, DAY));
      }
    }
    await store.close();
    const empty = await startOn(path.join(folder, 'empty'));
    const ready = await startOn(root);
    printGrowth(calm, appended, days, empty, ready);
    for (const count of [MILLION, 10 * MILLION]) await benchIds(folder, count);
    printBytes(calm, await bytesOf(root), millions);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function openStore(root: string, compaction?: CompactionOptions): Promise<SegmentEventStore> {
  return SegmentEventStore.open(root, Date.now(), WRITER_DEFAULTS, compaction);
}

/** A million events into a store that seals nothing. */
async function measureCalm(root: string): Promise<Calm> {
  const store = await openStore(root);
  const calm = await append(store, new EventSource(EVENTS_A_DAY), MILLION / EVENTS_A_BATCH);
  const logBytes = store.snapshot().segments.reduce((sum, { length }) => sum + length, 0);
  await store.close();
  const [firstSealing, sealing] = [await sealOften(root, 1), await sealOften(root, 12)];
  return { ...calm, logBytes, firstSealing, sealing };
}

/** Appends batches, so many at once; only that is timed, not making them. */
async function append(store: SegmentEventStore, source: EventSource, count: number): Promise<Appended> {
  let seconds = 0;
  const latencies: number[] = [];
  for (let made = 0; made < count; made += CHUNK) {
    const batches = Array.from({ length: Math.min(CHUNK, count - made) }, () => source.next());
    const start = performance.now();
    await appendAll(store, batches, latencies);
    seconds += (performance.now() - start) / 1_000;
  }
  return { seconds, p99Ms: quantile(latencies, 0.99) };
}

async function appendAll(
  store: SegmentEventStore,
  batches: readonly MadeBatch[],
  latencies: number[],
): Promise<void> {
  const queue = batches.values();
  const work = async (): Promise<void> => {
    for (const { identity, contents } of queue) {
      const start = performance.now();
      await store.append(identity, () => contents);
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}

/** Reads one day of one product as a report does. */
async function reportDay(store: SegmentEventStore, day: number): Promise<DayReport> {
  const start = EventSource.dayStart(day);
  const [product = ''] = PRODUCTS;
  const filter = { customer: CUSTOMERS[0], product, start, end: EventSource.dayStart(day + 1) - 1 };
  const [before, began] = [await bytesReadSoFar(), performance.now()];
  const snapshot = store.snapshot();
  let rows = 0;
  const sink = {
    add: (bytes: Buffer, from: number, to: number): void => {
      for (let at = from; at < to; at = bytes.indexOf('\n', at) + 1) rows++;
    },
    drained: () => undefined,
  };
  const scratchPath = path.join(tmpdir(), `waybill-bench-${randomUUID()}`);
  await openSnapshot(snapshot).readRows(filter, sink, { onDamage: () => undefined, scratchPath });
  const seconds = (performance.now() - began) / 1_000;
  const bytesRead = (await bytesReadSoFar()) - before;
  const matching = await matchingBlockBytes(snapshot, filter);
  store.release(snapshot);
  return { rows, seconds, bytesRead, matchingBytes: matching };
}

/** What this process has read from files; NaN where the system does not count it. */
async function bytesReadSoFar(): Promise<number> {
  const text = await readFile('/proc/self/io', 'utf8').catch(() => '');
  return Number(/rchar: (\d+)/.exec(text)?.[1] ?? NaN);
}

function printGrowth(
  calm: Calm,
  appended: readonly Appended[],
  days: readonly DayReport[],
  empty: Ready,
  ready: Ready,
): void {
  const rate = ({ seconds }: Appended): string => Math.round(MILLION / seconds).toLocaleString('en');
  const rows = appended.map((sample, index) => [
    `million ${index + 1}`,
    rate(sample),
    ((appended[0]?.seconds ?? NaN) / sample.seconds).toFixed(2),
    sample.p99Ms.toFixed(1),
    (sample.p99Ms / calm.p99Ms).toFixed(2),
  ]);
  const unsealed = ['without sealing', rate(calm), '', calm.p99Ms.toFixed(1), ''];
  const heads = ['', 'events/s', 'of the first (goal last 0.95)', 'p99 ms', 'of without (goal 2)'];
  printTable('Appending to the store, ten events a batch, 64 at once', [heads, unsealed, ...rows]);
  const [first, last] = [days[0], days.at(-1)];
  if (first !== undefined && last !== undefined) {
    const ofDay = (name: string, { rows: found, seconds, bytesRead, matchingBytes }: DayReport): string[] => [
      name,
      String(found),
      seconds.toFixed(3),
      Math.round(bytesRead).toLocaleString('en'),
      (bytesRead / first.bytesRead).toFixed(2),
      (bytesRead / matchingBytes).toFixed(2),
    ];
    printTable('One day of one product', [
      ['', 'rows', 'seconds', 'bytes read', 'of the first (goal 1.1)', 'of the matching blocks'],
      ofDay('of 1 million events', first),
      ofDay(`of ${appended.length} million events`, last),
    ]);
  }
  printTable('Start of the server', [
    ['', 'seconds (goal 1)', 'RSS MB (goal 160)'],
    ['empty store', empty.seconds.toFixed(2), empty.rssMb.toFixed(0)],
    [`${appended.length} million events`, ready.seconds.toFixed(2), ready.rssMb.toFixed(0)],
  ]);
}

function printBytes(calm: Calm, bytes: Awaited<ReturnType<typeof bytesOf>>, millions: number): void {
  const sealedEvents = millions * MILLION - (bytes.log / calm.logBytes) * MILLION;
  printTable('Bytes an event', [
    ['', 'bytes'],
    ['log', eachOf(calm.logBytes, MILLION)],
    [`sealed, in ${bytes.files} segments`, eachOf(bytes.data, sealedEvents)],
    ['ids', eachOf(bytes.ids, sealedEvents)],
  ]);
  printTable('Sealing a segment of 64 MiB', [
    ['', 'measured', 'goal'],
    ['twelve by one process, log MB a CPU second', calm.sealing.mbPerCpuSecond.toFixed(0), '150'],
    ['the first of a process, log MB a CPU second', calm.firstSealing.mbPerCpuSecond.toFixed(0), ''],
    ['RSS, MB', Math.max(calm.sealing.rssMb, calm.firstSealing.rssMb).toFixed(0), '250'],
    ['index of all segments, % of the data', ((bytes.index / bytes.data) * 100).toFixed(3), '0.1'],
  ]);
}

function eachOf(bytes: number, events: number): string {
  return (bytes / events).toFixed(1);
}

interface Ready {
  readonly seconds: number;
  readonly rssMb: number;
}

/** Starts the real server on a store, and stops it. */
async function startOn(root: string): Promise<Ready> {
  const began = performance.now();
  const child = spawn(process.execPath, [path.resolve('dist/server/main.js')], {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      WAYBILL_STORE: `file:${root}`,
      WAYBILL_DATA: root,
      WAYBILL_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('listens on')) resolve();
    });
    child.once('exit', () => reject(new Error('the server ended early')));
  });
  const seconds = (performance.now() - began) / 1_000;
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
  child.kill();
  await new Promise((resolve) => child.once('exit', resolve));
  return { seconds, rssMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1_024 };
}

/** What the files in force of a store come to, in bytes. */
async function bytesOf(
  root: string,
): Promise<{ log: number; data: number; index: number; ids: number; files: number }> {
  const { records } = await readManifest(dataDir(root));
  const files = new FilesInForce();
  for (const record of records) files.apply(record);
  const sealed = [...files.sealed.values()];
  return {
    log: totalOf([...files.segments.values()].map(({ length = 0 }) => length)),
    data: totalOf(sealed.map(({ bytes }) => bytes)),
    index: totalOf(sealed.map(({ indexBytes }) => indexBytes)),
    ids: totalOf([...files.ids.values()].map(({ bytes, indexBytes }) => bytes + indexBytes)),
    files: sealed.length,
  };
}

function totalOf(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Seals a log segment of a store, so many times in one process, into a folder of its own. */
async function sealOften(root: string, times: number): Promise<Sealing> {
  const outfile = path.resolve('dist/bench/seal-once.js');
  const entryPoints = ['scripts/bench/store/seal-once.ts'];
  await build({ entryPoints, outfile, bundle: true, packages: 'external', platform: 'node', format: 'esm' });
  const segment = path.join(root, 'segments', '00000001.jsonl');
  const folder = await mkdtemp(path.join(root, 'sealed-'));
  const segments = Array.from({ length: times }, () => segment);
  const args = ['--single-threaded', outfile, folder, ...segments];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  await rm(folder, { recursive: true });
  const measured: unknown = JSON.parse(stdout);
  const read = (key: string): number => Number(isRecord(measured) ? measured[key] : NaN);
  return { mbPerCpuSecond: read('bytes') / MB / read('cpuSeconds'), rssMb: read('rssMb') };
}
