import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCatalog } from '../catalog/catalog.ts';
import type { Config } from '../config.ts';
import type { DataPaths } from '../data-paths.ts';
import { StoreEraser } from '../eraser.ts';
import { createLogger } from '../logger.ts';
import { ReportJobs } from '../reports/report-jobs.ts';
import { ReportService } from '../reports/report-service.ts';
import { openStore } from '../store/open-store.ts';
import { UserTable } from '../users/user-table.ts';
import type { OpenedTarget } from './ask-owner.ts';
import { NO_REPORTER } from './unopened.ts';

/** What erasing needs where no server runs. */
export async function openEraser(config: Config, paths: DataPaths): Promise<OpenedTarget> {
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
    return { target: { users: await UserTable.open(paths.users), eraser, reporter: NO_REPORTER }, close };
  } catch (error) {
    await store.close();
    throw error;
  }
}
