import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { loadCatalog } from '../../server/catalog/catalog.ts';
import { ReportJobs } from '../../server/reports/report-jobs.ts';
import type { ReportOutcome, ReportProcess } from '../../server/reports/report-process.ts';
import { ReportService } from '../../server/reports/report-service.ts';
import type { ReportTask } from '../../server/reports/report-task.ts';
import { writeReport } from '../../server/reports/report-writer.ts';
import type { EventStore } from '../../server/store/event-store.ts';
import { SegmentEventStore } from '../../server/store/segments/segment-event-store.ts';
import { DEFAULT_OUTPUT, type ReportState } from '../../shared/report.ts';
import { KERNEL_PATH } from '../support/row-kernel.ts';
import { DyingDisk } from '../support/dying-disk.ts';
import { aBatch, anEvent, FILTER } from '../support/events.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { makeTempFolder, tempFolder } from '../support/temp-folder.ts';

const disk = vi.hoisted(() => ({
  dying: undefined as DyingDisk | undefined,
  simulated: undefined as SimulatedDisk | undefined,
}));

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const original = await importOriginal();
  const { wrapDisks } = await import('../support/dying-disk.ts');
  return { ...original, ...wrapDisks(original, disk) };
});

const REQUEST = { filter: FILTER, output: { ...DEFAULT_OUTPUT, header: false } };
const ROW = /^7\|PORTFOLIO-ACCESSED\|.*\n$/;
/** Of the disk, so many at least: of the job's record, of the report, of the job's end. */
const CHANGES = 12;

/** What becomes of the report, in the place of a process. */
type Making = (task: ReportTask) => Promise<ReportOutcome>;

const madeInPlace: Making = async (task) => ({
  kind: 'done',
  ...(await writeReport(task, { kernelPath: KERNEL_PATH })),
});

const MAKINGS: readonly (readonly [string, ReportState, Making])[] = [
  ['is made', 'COMPLETE', madeInPlace],
  [
    'fails half way',
    'FAILED',
    async ({ path: file }) => {
      await writeFile(`${file}.tmp`, 'half');
      return { kind: 'failed', reason: 'the moon' };
    },
  ],
  [
    'takes too long',
    'TIMEOUT',
    async ({ path: file }) => {
      await writeFile(`${file}.tmp`, 'half');
      return { kind: 'timeout' };
    },
  ],
];

/** What happens to the server after it was killed, and before it is asked again. */
const ENDS = ['killed', 'without power', 'killed, started, without power'] as const;

async function openService(store: EventStore, folder: string, make: Making): Promise<ReportService> {
  const start = (task: ReportTask): ReportProcess => ({
    outcome: make(task).catch((error: unknown) => ({ kind: 'failed', reason: String(error) })),
    kill: () => undefined,
  });
  const service = await ReportService.open({
    store,
    jobs: await ReportJobs.open(path.join(folder, 'jobs.json')),
    catalog: await loadCatalog(undefined),
    folder: path.join(folder, 'reports'),
    workers: 1,
    start,
    now: Date.now,
    logger: pino({ level: 'silent' }),
    retryMs: 1,
  });
  service.begin();
  return service;
}

interface Told {
  /** Undefined if nobody has got an answer. */
  source: string | undefined;
  status: ReportState | undefined;
}

/** Asks for a report until the disk dies, or it has ended; what was told before the last change is what counts. */
async function attempt(dying: DyingDisk, store: EventStore, folder: string, make: Making): Promise<Told> {
  const told: Told = { source: undefined, status: undefined };
  let service: ReportService | undefined;
  const ask = (): void => {
    if (told.source !== undefined) told.status = service?.find(told.source)?.status;
  };
  dying.onChange = ask;
  disk.dying = dying;
  const work = async (): Promise<void> => {
    service = await openService(store, folder, make);
    const { source } = await service.submit('ann', REQUEST);
    if (dying.isDead) return;
    told.source = source;
    for (ask(); told.status === 'RUNNING' && !dying.isDead; ask())
      await new Promise((resolve) => setTimeout(resolve, 1));
  };
  // What goes on after the death of the process fails, and nobody hears of it.
  const status = await Promise.race([dying.died, work()]).then(
    () => told.status,
    () => told.status,
  );
  await service?.close();
  return { source: told.source, status };
}

/** Opens what is left: what was told holds, what was RUNNING is made again, and nothing is half. */
async function check(store: EventStore, folder: string, { source, status }: Told): Promise<Told> {
  const service = await openService(store, folder, madeInPlace);
  // At once: what was told as the end is not to be come to again.
  if (source !== undefined && status !== 'RUNNING') expect(service.find(source)?.status).toBe(status);
  const isRunning = (): boolean => source !== undefined && service.find(source)?.status === 'RUNNING';
  await expect.poll(isRunning, { interval: 1 }).toBe(false);
  const left = (await readdir(path.join(folder, 'reports'))).toSorted();
  const job = source === undefined ? undefined : service.find(source);
  if (source !== undefined) {
    if (status === 'RUNNING') expect(job?.status).toMatch(/^(COMPLETE|FAILED|TIMEOUT)$/);
    else expect(job?.status).toBe(status);
    const name = `${source}.csv`;
    const file = await service.openFile(source, name);
    expect(left).toEqual(job?.status === 'COMPLETE' ? [name] : []);
    if (job?.status === 'COMPLETE') expect(file && (await text(file.read()))).toMatch(ROW);
    else expect(file).toBeUndefined();
  }
  await service.close();
  return { source, status: job?.status };
}

describe.each(MAKINGS)('a report that %s', (_making, ending, making) => {
  it.each(ENDS)('is what its client was told, wherever the server is %s', async (end) => {
    const base = await tempFolder();
    const store = await storeOf(base);
    const told = new Set<ReportState | undefined>();
    let dieAt = 0;
    for (let isOver = false; !isOver;) {
      dieAt++;
      const run = await makeTempFolder();
      try {
        const folder = path.join(run.path, 'data');
        await mkdir(path.join(folder, 'reports'), { recursive: true });
        const simulated = new SimulatedDisk();
        await simulated.adopt(folder);
        disk.simulated = simulated;
        const dying = new DyingDisk(dieAt);
        const before = await attempt(dying, store, folder, making);
        isOver = !dying.isDead;
        disk.dying = undefined;
        told.add(before.status);
        const fail = (error: unknown): never => {
          throw new Error(`after ${dieAt - 1} changes, before ${dying.changes.at(-1)}`, { cause: error });
        };
        const last =
          end === 'killed, started, without power' ? await check(store, folder, before).catch(fail) : before;
        await simulated.kill();
        disk.simulated = undefined;
        if (end === 'killed') await check(store, folder, last).catch(fail);
        else {
          const left = path.join(run.path, 'left');
          await mkdir(path.join(left, 'reports'), { recursive: true });
          await simulated.cutPower(folder, left, () => 0);
          await check(store, left, last).catch(fail);
        }
      } finally {
        disk.dying = undefined;
        disk.simulated = undefined;
        await run.remove();
      }
    }
    await store.close();
    expect(told).toEqual(new Set([undefined, 'RUNNING', ending]));
    expect(dieAt).toBeGreaterThan(CHANGES);
  });
});

describe('a report whose end the disk refuses to record', () => {
  it('stays RUNNING, and is made again after a power cut that has undone the record', async () => {
    const base = await tempFolder();
    const store = await storeOf(base);
    const [folder, left] = [path.join(base, 'data'), path.join(base, 'left')];
    await mkdir(path.join(folder, 'reports'), { recursive: true });
    await mkdir(path.join(left, 'reports'), { recursive: true });
    const simulated = new SimulatedDisk();
    await simulated.adopt(folder);
    disk.simulated = simulated;
    const service = await openService(store, folder, madeInPlace);
    const { source } = await service.submit('ann', REQUEST);
    // Each record as COMPLETE gets its name, which can't be flushed.
    let refused = 0;
    simulated.onFlush = (file) => (file === folder && ++refused > 0 ? 'fails' : 'works');
    await expect.poll(() => refused).toBeGreaterThan(3);
    expect(service.find(source)?.status).toBe('RUNNING');
    await service.close();
    await simulated.kill();
    disk.simulated = undefined;
    await simulated.cutPower(folder, left, () => 0);

    const after = await check(store, left, { source, status: 'RUNNING' });

    expect(after.status).toBe('COMPLETE');
    await store.close();
  });
});

describe('two jobs that share a report', () => {
  it.each(['killed', 'without power'])(
    'have what was told and a file each, wherever the server is %s',
    async (end) => {
      const base = await tempFolder();
      const store = await storeOf(base);
      const seen = new Set<string>();
      let dieAt = 0;
      for (let isOver = false; !isOver;) {
        dieAt++;
        const run = await makeTempFolder();
        try {
          const [data, left] = [path.join(run.path, 'data'), path.join(run.path, 'left')];
          for (const folder of [data, left]) await mkdir(path.join(folder, 'reports'), { recursive: true });
          const simulated = new SimulatedDisk();
          await simulated.adopt(data);
          disk.simulated = simulated;
          const dying = new DyingDisk(dieAt);
          const told = await attemptTwo(dying, store, data);
          isOver = !dying.isDead;
          disk.dying = undefined;
          seen.add([...told.values()].join());
          await simulated.kill();
          disk.simulated = undefined;
          if (end === 'without power') await simulated.cutPower(data, left, () => 0);
          await checkTwo(store, end === 'killed' ? data : left, told).catch((error: unknown) => {
            throw new Error(`after ${dieAt - 1} changes, before ${dying.changes.at(-1)}`, { cause: error });
          });
        } finally {
          disk.dying = undefined;
          disk.simulated = undefined;
          await run.remove();
        }
      }
      await store.close();
      expect(seen).toEqual(new Set(['', 'RUNNING', 'RUNNING,RUNNING', 'COMPLETE,COMPLETE']));
    },
  );
});

/** Asks for two reports that are the same, one being made before the other comes; returns what a client was told, by source. */
async function attemptTwo(
  dying: DyingDisk,
  store: EventStore,
  folder: string,
): Promise<ReadonlyMap<string, ReportState | undefined>> {
  const told = new Map<string, ReportState | undefined>();
  let goOn = (): void => undefined;
  const both = new Promise<void>((resolve) => (goOn = resolve));
  let service: ReportService | undefined;
  const ask = (): void => {
    for (const source of told.keys()) told.set(source, service?.find(source)?.status);
  };
  dying.onChange = ask;
  disk.dying = dying;
  const work = async (): Promise<void> => {
    service = await openService(store, folder, (task) => both.then(() => madeInPlace(task)));
    for (const user of ['ann', 'bob']) {
      const { source, status } = await service.submit(user, REQUEST);
      if (dying.isDead) return;
      told.set(source, status);
    }
    goOn();
    for (ask(); [...told.values()].includes('RUNNING') && !dying.isDead; ask())
      await new Promise((resolve) => setTimeout(resolve, 1));
  };
  // What goes on after the death of the process fails, and nobody hears of it.
  await Promise.race([dying.died, work()]).catch(() => undefined);
  const last = new Map(told);
  goOn();
  await service?.close();
  return last;
}

/** Opens what is left: a report that was told to be there is, and the others are made. */
async function checkTwo(
  store: EventStore,
  folder: string,
  told: ReadonlyMap<string, ReportState | undefined>,
): Promise<void> {
  const service = await openService(store, folder, madeInPlace);
  for (const [source, status] of told) {
    // At once: what was told as the end is not to be come to again.
    if (status === 'COMPLETE') expect(service.find(source)?.status).toBe(status);
    await expect.poll(() => service.find(source)?.status, { interval: 1 }).toBe('COMPLETE');
    const file = await service.openFile(source, `${source}.csv`);
    expect(file && (await text(file.read()))).toMatch(ROW);
  }
  await service.close();
}

async function storeOf(base: string): Promise<EventStore> {
  const store = await SegmentEventStore.open(path.join(base, 'store'), 0);
  const { identity, contents } = aBatch([anEvent({ timestamp: 7 })]);
  await store.append(identity, () => contents);
  return store;
}
