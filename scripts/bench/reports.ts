import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadCatalog } from '../../server/catalog/catalog.ts';
import type { StoreSnapshot } from '../../server/store/event-store.ts';
import { bytesOfNode, bytesToRead } from './reports/bytes-to-read.ts';
import { compareRows } from './reports/compare-rows.ts';
import { makeStores, MAX_LOG_MILLIONS, snapshotOf, type MadeStores } from './reports/make-stores.ts';
import type { Maker, Query } from './reports/maker.ts';
import { measureCase, type Measured } from './reports/measure-case.ts';
import { duckdbOfLog, openPeers, readlineOfLog } from './reports/peers.ts';
import {
  fastest,
  printCase,
  printComparison,
  printGoals,
  printNotes,
  secondRatios,
  type Goal,
} from './reports/print-reports.ts';
import { LARGE_SENDER, ReportEvents, SMALL_SENDER } from './reports/report-events.ts';
import { waybillOf } from './reports/waybill.ts';

/** The day that is reported on: one that a million events have whole, with those that come late. */
const DAY = 5;
const DAY_QUERY: Query = {
  ...SMALL_SENDER,
  start: ReportEvents.dayStart(DAY),
  end: ReportEvents.dayStart(DAY + 1) - 1,
};
const RSS_GOAL_MB = 80;
/** For the largest report of ten million events, in each form. */
const OUTPUT_BYTES = 2e9;

interface Size {
  readonly millions: number;
  readonly stores: MadeStores;
  readonly sealed: StoreSnapshot;
}

export interface ReportBench {
  /** The largest store; what is compared with others has at most ten million. */
  readonly millions: number;
  readonly rounds: number;
  readonly withPeers: boolean;
  /** Whether the stores of an earlier run are made again. */
  readonly isFresh: boolean;
}

/**
 * Makes reports in the process that the server makes them in, from a large store and from a small one, sealed and not,
 * and prints what that took beside what others take for the same rows.
 */
export async function benchReports({ millions, rounds, withPeers, isFresh }: ReportBench): Promise<void> {
  const usual = Math.min(millions, MAX_LOG_MILLIONS);
  const sizes: Size[] = [];
  for (const size of new Set([1, usual, millions])) {
    const stores = await makeStores(size, isFresh, withPeers && size === usual);
    sizes.push({ millions: size, stores, sealed: await snapshotOf(stores.sealed) });
  }
  const large = sizes.find((size) => size.millions === usual);
  if (large === undefined) throw new Error('no store was made');
  const peers = withPeers ? await openPeers(large.stores) : undefined;
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 }));
  const output = await mkdtemp(
    path.join(bavail * bsize >= OUTPUT_BYTES ? '/dev/shm' : tmpdir(), 'waybill-bench-'),
  );
  const file = path.join(output, 'report.csv');
  const measure = async (
    title: string,
    query: Query,
    makers: readonly Maker[],
  ): Promise<readonly Measured[]> => {
    process.stderr.write(`${title}…\n`);
    const measured = await measureCase(query, makers, rounds, file);
    printCase(title, measured);
    return measured;
  };
  try {
    const others = peers?.ofStore ?? [];
    const whole = await waybillOf('Waybill', large.sealed);
    await compareOnce(large, whole, file);
    const small = await measure(`One product, 1/18 of ${usual} million events`, SMALL_SENDER, [
      whole,
      ...others,
    ]);
    const half = await measure(`One product, half of ${usual} million events`, LARGE_SENDER, [
      whole,
      ...others,
    ]);
    const day = await measureDays(sizes, others, measure);
    const logs = await measureLogs(sizes, measure);
    const all = await measureSizes(sizes, measure);
    printNotes(withPeers);
    printGoals([
      ...againstBest('1/18 of the events, time to that of the best', 0.8, small),
      ...againstBest('half of the events, time to that of the best', 1, half),
      ...day,
      ...logs,
      ...all.map((one) => memoryGoal(one.name, one)),
      ...half.slice(0, 1).map((one) => memoryGoal(`half of ${usual} million events`, one)),
    ]);
  } finally {
    await rm(output, { recursive: true, force: true });
    await peers?.stop();
  }
}

type Measure = (title: string, query: Query, makers: readonly Maker[]) => Promise<readonly Measured[]>;

async function compareOnce({ stores }: Size, maker: Maker, file: string): Promise<void> {
  await maker.make(SMALL_SENDER, file);
  const columns = (await loadCatalog(undefined)).columns(SMALL_SENDER.product);
  const comparison = await compareRows(file, SMALL_SENDER, columns, stores.log);
  await rm(file);
  printComparison(comparison);
  const { rows, missing, surplus, outOfOrder } = comparison;
  if (rows === 0 || missing + surplus + outOfOrder > 0)
    throw new Error('the report is not what is in the log: what it took means nothing');
}

/** The same day, however much there is besides. */
async function measureDays(
  sizes: readonly Size[],
  others: readonly Maker[],
  measure: Measure,
): Promise<readonly Goal[]> {
  const own: Maker[] = [];
  for (const { millions, sealed } of sizes)
    own.push(await waybillOf(`Waybill, ${millions} million events`, sealed));
  const measured = await measure('One day of one product; others with the usual store', DAY_QUERY, [
    ...own,
    ...others,
  ]);
  const ofNode = await bytesOfNode();
  const goals: Goal[] = [];
  const [first] = measured;
  for (const [index, { millions, sealed }] of sizes.entries()) {
    const one = measured[index];
    if (one === undefined || first === undefined) continue;
    if (one !== first)
      goals.push({
        what: `one day: time in ${millions} million events to that in 1 million`,
        goal: 1.1,
        digits: 2,
        measured: secondRatios(one, first),
      });
    const toRead = await bytesToRead(sealed, DAY_QUERY);
    goals.push({
      what: `one day: bytes read of ${millions} million events, to blocks and indexes (without Node's ${(ofNode / 1e6).toFixed(1)} MB)`,
      goal: 1.1,
      digits: 2,
      measured: one.usages.map(({ bytesRead }) => (bytesRead - ofNode) / toRead),
    });
  }
  return goals;
}

/** What is not sealed yet, against DuckDB over the same files; the plain way with the small one alone. */
async function measureLogs(sizes: readonly Size[], measure: Measure): Promise<readonly Goal[]> {
  const goals: Goal[] = [];
  for (const { millions, stores } of sizes.filter((size) => size.millions <= MAX_LOG_MILLIONS)) {
    const own = await waybillOf('Waybill', await snapshotOf(stores.log));
    const plain = millions === 1 ? [await readlineOfLog(stores.log)] : [];
    const makers = [own, ...(await duckdbOfLog(stores.log)), ...plain];
    const measured = await measure(
      `One product, 1/18 of ${millions} million events not sealed yet`,
      SMALL_SENDER,
      makers,
    );
    goals.push(
      ...againstBest(`${millions} million events not sealed, time to that of the best`, 0.6, measured),
    );
  }
  return goals;
}

/** The growth of memory with the store. */
async function measureSizes(sizes: readonly Size[], measure: Measure): Promise<readonly Measured[]> {
  const makers: Maker[] = [];
  for (const { millions, sealed } of sizes)
    makers.push(await waybillOf(`1/18 of ${millions} million events`, sealed));
  return measure('One product, 1/18 of stores of several sizes', SMALL_SENDER, makers);
}

function memoryGoal(what: string, { usages }: Measured): Goal {
  return {
    what: `${what}: peak of memory, MB`,
    goal: RSS_GOAL_MB,
    digits: 0,
    measured: usages.map(({ rssMb }) => rssMb),
  };
}

/** To the fastest of those that put rows in order, and of all; Waybill is the first. */
function againstBest(what: string, goal: number, [own, ...others]: readonly Measured[]): readonly Goal[] {
  if (own === undefined) return [];
  const bests = [fastest(others.filter(({ isOrdered }) => isOrdered)), fastest(others)];
  return [...new Set(bests)]
    .filter((best) => best !== undefined)
    .map((best) => ({ what: `${what}: ${best.name}`, goal, digits: 2, measured: secondRatios(own, best) }));
}
