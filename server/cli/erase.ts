import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ErasureWish } from '../admin/admin-protocol.ts';
import { loadCatalog } from '../catalog/catalog.ts';
import { readConfig, type Config } from '../config.ts';
import type { DataPaths } from '../data-paths.ts';
import { StoreEraser } from '../eraser.ts';
import { createLogger } from '../logger.ts';
import { ReportJobs } from '../reports/report-jobs.ts';
import { ReportService } from '../reports/report-service.ts';
import { openStore } from '../store/open-store.ts';
import { UserTable } from '../users/user-table.ts';
import { withOwner, type OpenedTarget } from './ask-owner.ts';

const POLL_MS = 200;

/**
 * `waybill erase --customer … [--context-key … --value …] [--before …]`: resolves when the events are in no file
 * any more.
 *
 * @param print - Gets lines for the person at the terminal.
 * @throws Error in words for that person.
 */
export async function runEraseCommand(args: readonly string[], print: (line: string) => void): Promise<void> {
  const what = parseWish(args);
  const config = readConfig(process.env);
  await withOwner(
    config.dataFolder,
    (paths) => openEraser(config, paths),
    async (ask) => {
      const { begun } = await ask({ command: 'erase', what });
      print(`erasure ${begun} of events of ${what.customer}: no new report shows them; rewriting files`);
      const ended = async (): Promise<{ events: number; doneMs: number; keptAside: number }> => {
        for (;;) {
          const { erasures, keptAside } = await ask({ command: 'erasure-list' });
          const erasure = erasures.find(({ number }) => number === begun);
          if (erasure === undefined) throw new Error('the server does not know of it');
          const { events, doneMs } = erasure;
          if (doneMs !== null) return { events, doneMs, keptAside };
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      };
      const erasure = await ended();
      print(`${erasure.events} events erased, done ${new Date(erasure.doneMs).toISOString()}`);
      const { keptAside } = erasure;
      if (keptAside > 0)
        print(
          `${keptAside} damaged files in the store's folder quarantine may still hold some: remove them by hand`,
        );
    },
  );
}

function parseWish(args: readonly string[]): ErasureWish {
  const { values } = parseArgs({
    args: [...args],
    options: {
      customer: { type: 'string' },
      'context-key': { type: 'string' },
      value: { type: 'string' },
      before: { type: 'string' },
    },
  });
  const { customer, value, before } = values;
  const name = values['context-key'];
  if (customer === undefined || customer === '') throw new Error('--customer is required');
  if ((name === undefined) !== (value === undefined))
    throw new Error('--context-key and --value are only good together');
  return {
    customer,
    ...(before !== undefined && { before: parseTime(before) }),
    ...(name !== undefined && value !== undefined && { key: { name, value } }),
  };
}

/** Milliseconds since the Unix epoch, or a date of ISO 8601. */
function parseTime(text: string): number {
  const time = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isSafeInteger(time) || time < 0)
    throw new Error(`--before must be milliseconds or a date such as 2026-01-31, not "${text}"`);
  return time;
}

/** What erasing needs where no server runs. */
async function openEraser(config: Config, paths: DataPaths): Promise<OpenedTarget> {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const logger = createLogger(config.logLevel);
  await mkdir(paths.reports, { recursive: true, mode: 0o700 });
  const store = await openStore(config.storeUrl, Date.now(), {
    segmentBytes: config.segmentBytes,
    compactionChild: path.join(here, 'compaction-child.js'),
    onCompactionFailure: (error) => logger.error({ err: error }, 'sealing or merging failed'),
  });
  try {
    const catalog = await loadCatalog(config.catalog);
    const reports = await ReportService.open({
      store,
      jobs: await ReportJobs.open(paths.jobs),
      catalog,
      folder: paths.reports,
      workers: 1,
      start: () => {
        throw new Error('no report is made here');
      },
      now: Date.now,
      logger,
    });
    const eraser = new StoreEraser(store, reports, catalog, Date.now);
    const close = async (): Promise<void> => {
      await reports.close();
      await store.close();
    };
    return { target: { users: await UserTable.open(paths.users), eraser }, close };
  } catch (error) {
    await store.close();
    throw error;
  }
}
