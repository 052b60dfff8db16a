import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCatalog } from '../catalog/catalog.ts';
import type { Config } from '../config.ts';
import type { DataPaths } from '../data-paths.ts';
import { createLogger } from '../logger.ts';
import { ReportFiles } from '../reports/report-files.ts';
import { ReportJobs } from '../reports/report-jobs.ts';
import { startReportProcess } from '../reports/report-process.ts';
import { openStore } from '../store/open-store.ts';
import { makeFolder } from '../sync-directory.ts';
import { UserTable } from '../users/user-table.ts';
import type { OpenedTarget } from './ask-owner.ts';
import { LoneReporter } from './lone-reporter.ts';
import { NO_ERASER } from './unopened.ts';

/** What making a report needs where no server runs. */
export async function openReporter(config: Config, paths: DataPaths): Promise<OpenedTarget> {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const logger = createLogger(config.logLevel);
  const catalog = await loadCatalog(config.catalog);
  const users = await UserTable.open(paths.users);
  const jobs = await ReportJobs.open(paths.jobs);
  await makeFolder(paths.reports);
  const files = new ReportFiles(paths.reports, logger);
  // What a tool that was killed has left, which would stay until a server starts.
  await files.keepOnly(jobs.list());
  const store = await openStore(config.storeUrl, Date.now(), {
    segmentBytes: config.segmentBytes,
    compactionChild: path.join(here, 'compaction-child.js'),
    onCompactionFailure: (error) => logger.error({ err: error }, 'sealing or merging failed'),
  });
  const reporter = new LoneReporter({
    store,
    catalog,
    files,
    start: (task, onAdvance) =>
      startReportProcess(path.join(here, 'report-child.js'), task, config.reportTimeoutMs, onAdvance),
    logger,
  });
  const close = async (): Promise<void> => {
    await reporter.close();
    await store.close();
  };
  return { target: { users, eraser: NO_ERASER, reporter }, close };
}
