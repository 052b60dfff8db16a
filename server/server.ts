import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { openAdminSocket, type AdminSocket } from './admin/admin-socket.ts';
import type { AdminTarget } from './admin/admin-commands.ts';
import { ensurePrivateFolder } from './admin/private-folder.ts';
import { createApp } from './app.ts';
import { loadCatalog } from './catalog/catalog.ts';
import type { Config } from './config.ts';
import { StoreEraser } from './eraser.ts';
import { ClockMemory } from './clock-memory.ts';
import { dataPaths, type DataPaths } from './data-paths.ts';
import { loadAssets } from './assets.ts';
import { keepTrying } from './keep-trying.ts';
import { ReportJobs } from './reports/report-jobs.ts';
import { ServiceReporter } from './reporter.ts';
import { startReportProcess } from './reports/report-process.ts';
import { ReportService } from './reports/report-service.ts';
import { startRetention } from './retention.ts';
import { openSecrets } from './secrets.ts';
import { serviceInfo } from './service-info.ts';
import { lockDirectory, type DirectoryLock } from './store/directory-lock.ts';
import type { EventStore } from './store/event-store.ts';
import { openStore } from './store/open-store.ts';
import { Authenticator } from './users/authenticator.ts';
import { ensureAdministrator, type NewAdministrator } from './users/first-administrator.ts';
import { makeFolder } from './sync-directory.ts';
import { UserTable } from './users/user-table.ts';

export interface RunningServer {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly address: string;
  /** Set at the very first start only: the administrator that was made, with the password in clear. */
  readonly newAdministrator: NewAdministrator | undefined;
  /** Stops accepting, finishes what is in flight, and lets go of all files. */
  close(): Promise<void>;
}

const DAY_MS = 86_400_000;
/** How long requests in flight may take at the end. */
const CLOSE_MS = 8_000;
/** Wait before something is tried again that a full or failing disk has kept from being made. */
const DISK_RETRY_MS = 5_000;

/**
 * Opens the stores, starts listening, and resolves when requests are served.
 *
 * @throws Error in words for the operator.
 */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  const now = Date.now;
  const paths = dataPaths(config.dataFolder);
  await makeFolder(paths.reports);
  const catalog = await loadCatalog(config.catalog);
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.toReversed()) await close();
  };
  try {
    const lock: DirectoryLock = await lockDirectory(paths.root, paths.lock);
    opened.push(() => lock.release());
    const store: EventStore = await openStore(config.storeUrl, now(), {
      segmentBytes: config.segmentBytes,
      compactionChild: beside('compaction-child.js'),
      onCompactionFailure: (error) => logger.error({ err: error }, 'sealing or merging failed'),
    });
    opened.push(() => store.close());
    for (const damage of store.health().damage) logger.error({ ...damage }, 'damaged data was passed over');
    const clock = await ClockMemory.open(paths.clock, logger);
    const retention = startRetention(store, { days: config.retentionDays, now, clock, logger });
    opened.push(() => retention.close());
    const users = await UserTable.open(paths.users);
    const reports = await ReportService.open({
      store,
      jobs: await ReportJobs.open(paths.jobs),
      catalog,
      folder: paths.reports,
      workers: config.reportWorkers,
      start: (task, onAdvance) =>
        startReportProcess(beside('report-child.js'), task, config.reportTimeoutMs, onAdvance),
      ttlMs: config.reportTtlDays === 0 ? undefined : config.reportTtlDays * DAY_MS,
      now,
      logger,
    });
    opened.push(() => reports.close());
    const eraser = new StoreEraser(store, reports, catalog, now);
    await eraser.finishReports();
    reports.begin();
    opened.push(
      await keepSocket(paths, { users, eraser, reporter: new ServiceReporter(reports, catalog) }, logger),
    );
    const secrets = await openSecrets(paths.secrets);
    const storing = await keepTrying(
      () => secrets.store(),
      DISK_RETRY_MS,
      (error) =>
        logger.error({ err: error }, 'the key of the download links could not be stored: it is tried again'),
    );
    opened.push(() => storing.stop());
    const authenticator = new Authenticator(users, now);
    const assets = await loadAssets(beside('../client'));
    const service = serviceInfo(config.environment);
    const app = createApp({
      config,
      service,
      store,
      catalog,
      reports,
      authenticator,
      linkKey: secrets.linkKey,
      assets,
      expiryAt: (nowMs) => retention.expiryAt(nowMs),
      now,
      logger,
    });
    const handle = app.callback();
    const server = createServer((request, response) => void handle(request, response));
    const address = await listen(server, config.host, config.port);
    opened.push(() => {
      reports.endWaits();
      return closeServer(server);
    });
    // Last, since its password is shown once: a start that fails before would have made it in vain.
    const newAdministrator = await ensureSomeone(users, config.admin, opened, logger);
    return { address, newAdministrator, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/**
 * Has tools served through the local socket as soon as it can be made, which takes a file: a full disk stops no start.
 *
 * @returns Closes it.
 * @throws Error in words for the operator if its folder is not private.
 */
async function keepSocket(
  { socket, socketFolder }: DataPaths,
  target: AdminTarget,
  logger: Logger,
): Promise<() => Promise<void>> {
  let made: AdminSocket | undefined;
  const trying = await keepTrying(
    async () => {
      if (socketFolder !== undefined) await ensurePrivateFolder(socketFolder);
      made = await openAdminSocket(socket, target);
    },
    DISK_RETRY_MS,
    (error) => logger.error({ err: error, socket }, 'no socket for the command line: it is tried again'),
  );
  return async () => {
    await trying.stop();
    await made?.close();
  };
}

/** As `ensureAdministrator`; the one of the settings may come later, when there is room for it. */
async function ensureSomeone(
  users: UserTable,
  wanted: NewAdministrator | undefined,
  opened: (() => Promise<void>)[],
  logger: Logger,
): Promise<NewAdministrator | undefined> {
  // A password that is shown once has to be good.
  if (wanted === undefined) return ensureAdministrator(users, undefined);
  const trying = await keepTrying(
    async () => void (await ensureAdministrator(users, wanted)),
    DISK_RETRY_MS,
    (error) => logger.error({ err: error }, 'the administrator could not be stored: it is tried again'),
  );
  opened.push(() => trying.stop());
  return undefined;
}

/** The path of another built file, given relative to the one that this code is built into. */
function beside(relative: string): string {
  return path.resolve(path.dirname(fileURLToPath(import.meta.url)), relative);
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const bound = server.address();
      const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
