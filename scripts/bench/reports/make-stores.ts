import { copyFile, link, mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { StoreSnapshot } from '../../../server/store/event-store.ts';
import { compactionInProcess } from '../../../server/store/segments/compaction/compaction-process.ts';
import { dataDir } from '../../../server/store/segments/data-dir.ts';
import { SegmentEventStore } from '../../../server/store/segments/segment-event-store.ts';
import { WRITER_DEFAULTS } from '../../../server/store/segments/segment-writer.ts';
import { EVENTS_A_BATCH, ReportEvents } from './report-events.ts';

const MILLION = 1_000_000;
/** Changes when the data would. */
const FORM = 'waybill-bench-reports 1';
/** Above this only the sealed store is kept. */
export const MAX_LOG_MILLIONS = 10;
/** Many, so that few flushes are waited for. */
const IN_FLIGHT = 1_000;
/** Log, sealed segments, and what a merge has twice for a while; with peers their copies. */
const DISK_BYTES_AN_EVENT = { own: 700, peers: 1_200 };

export interface MadeStores {
  /** Where all of this size is kept. */
  readonly folder: string;
  /** A store of which nothing is sealed; up to ten million events. */
  readonly log: string;
  /** The same events, sealed and merged as the server does. */
  readonly sealed: string;
}

/**
 * Makes two stores with the same events, or takes those of an earlier run.
 *
 * @param isFresh - Whether they are made again.
 * @throws If the disk has no room for them.
 */
export async function makeStores(
  millions: number,
  isFresh: boolean,
  withPeers: boolean,
): Promise<MadeStores> {
  const folder = path.resolve(`dist/bench/reports-${millions}`);
  const stores = { folder, log: path.join(folder, 'log'), sealed: path.join(folder, 'sealed') };
  const mark = path.join(folder, 'made');
  const isMade = (await readFile(mark, 'utf8').catch(() => '')) === FORM;
  if (isMade && !isFresh) {
    process.stderr.write(`${folder} is of an earlier run; --fresh makes it again\n`);
    return stores;
  }
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  const needed = millions * MILLION * (DISK_BYTES_AN_EVENT.own + (withPeers ? DISK_BYTES_AN_EVENT.peers : 0));
  if (bavail * bsize < needed)
    throw new Error(
      `${folder} needs ${Math.ceil(needed / 1e9)} GB, and the disk has ${(bavail * bsize) / 1e9}`,
    );
  await appendAll(stores.log, millions);
  await linkStore(stores.log, stores.sealed);
  await sealAll(stores.sealed);
  if (millions > MAX_LOG_MILLIONS) await rm(stores.log, { recursive: true });
  await writeFile(mark, FORM);
  return stores;
}

/** What a report on a store is made from: of files that nobody changes. */
export async function snapshotOf(root: string): Promise<StoreSnapshot> {
  const store = await SegmentEventStore.open(root, Date.now());
  const snapshot = store.snapshot();
  await store.close();
  return snapshot;
}

async function appendAll(root: string, millions: number): Promise<void> {
  const began = performance.now();
  const store = await SegmentEventStore.open(root, Date.now(), WRITER_DEFAULTS);
  const events = new ReportEvents();
  let left = (millions * MILLION) / EVENTS_A_BATCH;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const { identity, contents } = events.next();
      await store.append(identity, () => contents);
      if (left % 100_000 === 0)
        process.stderr.write(`${(left * EVENTS_A_BATCH) / MILLION} million events to append\n`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  await store.roll();
  await store.close();
  process.stderr.write(`appended in ${secondsSince(began)} s\n`);
}

/** Gives a store's files to a second store, which removes their names there as it seals. */
async function linkStore(from: string, to: string): Promise<void> {
  const [source, target] = [dataDir(from), dataDir(to)];
  await mkdir(target.segments, { recursive: true });
  await copyFile(source.manifest, target.manifest);
  await copyFile(source.manifestCopy, target.manifestCopy);
  const names = (await readdir(source.segments)).toSorted();
  for (const name of names) {
    // The last one is active, and empty: each store writes to its own.
    const give = name === names.at(-1) ? copyFile : link;
    await give(path.join(source.segments, name), path.join(target.segments, name));
  }
}

async function sealAll(root: string): Promise<void> {
  const began = performance.now();
  const store = await SegmentEventStore.open(root, Date.now(), WRITER_DEFAULTS, {
    run: compactionInProcess(path.resolve('dist/server/compaction-child.js')),
    onFailure: (error) => process.stderr.write(`compaction failed: ${String(error)}\n`),
    retryMs: [1_000, 1_000],
    now: Date.now,
  });
  await store.compacted();
  await store.close();
  process.stderr.write(`sealed and merged in ${secondsSince(began)} s\n`);
}

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1_000).toFixed(0);
}
