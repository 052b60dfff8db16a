import type { Collector } from '../../../client/page/api.ts';
import { type Command, type PageStatus, PATHS, type WorkerOrder } from '../protocol.ts';
import { askWorker } from './ask-worker.ts';
import { openDatabase } from './open-database.ts';
import { pause } from './pause.ts';
import type { Reporter } from './reporter.ts';
import { track } from './track.ts';

/** What a page of the lab can do besides what every page can. */
export interface Means {
  readonly reporter: Reporter;
  readonly setClock: (offsetMs: number) => void;
  readonly breakConnections: () => number;
}

const DATABASE = 'waybill';

/** Does what the lab says; what it resolves with is the answer. */
export async function obey(command: Command, means: Means): Promise<unknown> {
  switch (command.do) {
    case 'track':
      if (command.whenOffline) await becomeOffline();
      await track(await collector(), command, means.reporter);
      return command.whenOffline ? isOffline() : true;
    case 'status':
      return readStatus(await collector());
    case 'flush':
      return (await collector()).flush();
    case 'close':
      return (await collector()).close();
    case 'unregister':
      return unregister();
    case 'updateWorker':
      return updateWorker();
    case 'setClock': {
      means.setClock(command.offsetMs);
      const order: WorkerOrder = { lab: 'setClock', offsetMs: command.offsetMs };
      return askWorker(order);
    }
    case 'breakConnections': {
      const order: WorkerOrder = { lab: 'breakConnections' };
      return means.breakConnections() + (await askWorker(order));
    }
    case 'raiseSchema':
      return raiseSchema();
    case 'deleteDatabase':
      return openDatabase(indexedDB.deleteDatabase(DATABASE)).then(() => true);
  }
}

/** The page's collector, once its script has come. */
async function collector(): Promise<Collector> {
  for (;;) {
    if (window.waybill && 'status' in window.waybill) return window.waybill;
    await pause(20);
  }
}

async function readStatus(from: Collector): Promise<PageStatus> {
  const { events, unstored, storage, worker, lastAnswer, nextAttemptAt, ledger, losses } =
    await from.status();
  return {
    events,
    unstored,
    storage,
    worker,
    lastStatus: lastAnswer?.status ?? null,
    nextAttemptInMs: nextAttemptAt === null ? null : nextAttemptAt - Date.now(),
    ledger,
    losses,
  };
}

async function becomeOffline(): Promise<void> {
  while (!(await isOffline())) await pause(50);
}

async function isOffline(): Promise<boolean> {
  try {
    await fetch(PATHS.ping, { cache: 'no-store' });
    return false;
  } catch {
    return true;
  }
}

async function unregister(): Promise<number> {
  const registrations = await navigator.serviceWorker.getRegistrations();
  await Promise.all(registrations.map((registration) => registration.unregister()));
  return registrations.length;
}

async function updateWorker(): Promise<boolean> {
  const registration = await navigator.serviceWorker.ready;
  const old = registration.active;
  await registration.update();
  while (registration.active === old || registration.active?.state !== 'activated') await pause(20);
  return true;
}

async function raiseSchema(): Promise<number> {
  const now = await openDatabase(indexedDB.open(DATABASE));
  const { version } = now;
  now.close();
  const request = indexedDB.open(DATABASE, version + 1);
  request.addEventListener('upgradeneeded', () => {
    request.result.createObjectStore('added', { keyPath: 'id' });
  });
  const raised = await openDatabase(request);
  // Held for a moment, as a tab with a later bundle would.
  await pause(500);
  raised.close();
  return version + 1;
}
