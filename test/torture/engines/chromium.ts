import { findBrowser } from '../../../scripts/find-browser.ts';
import { CHROMIUM_FLAGS } from '../../../scripts/open-chromium.ts';
import { damageDatabases, readNewDatabases, tearDatabases } from './chromium-log.ts';
import { ChromiumOffline } from './chromium-offline.ts';
import type { Browser, Engine, LaunchOptions, Tab } from './engine.ts';
import { textAt } from './fields.ts';
import { ProcessGroup } from './process-group.ts';
import { RemoteSocket } from './remote-socket.ts';
import { startTwice } from './start-twice.ts';

const START_MS = 30_000;
const CLOSE_MS = 10_000;

const FLAGS = [
  ...CHROMIUM_FLAGS,
  '--headless=new',
  '--remote-debugging-port=0',
  '--disable-breakpad',
  '--no-default-browser-check',
  '--hide-crash-restore-bubble',
  // A failed background sync is tried again after 2 s; the real delay of minutes is too long for a test.
  '--force-fieldtrials=BackgroundSync/Lab',
  '--force-fieldtrial-params=BackgroundSync.Lab:initial_retry_delay_sec/2/retry_delay_factor/1/max_sync_attempts/3',
];

/** Chromium over its DevTools Protocol, with all abilities. */
export const chromium: Engine = {
  name: 'chromium',
  lacks: {},
  find: findBrowser,
  newDatabases: readNewDatabases,
  damageDatabases,
  tearDatabases,
  launch: (profile, url, options) => startTwice(() => launch(profile, url, options)),
};

async function launch(profile: string, url: string, { quotaBytes }: LaunchOptions = {}): Promise<Browser> {
  const program = findBrowser();
  if (program === undefined) throw new Error('Chromium is not installed');
  // The empty tab is the driver's own: the browser stays when the last of the others is closed.
  const group = new ProcessGroup(program, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank']);
  try {
    const socket = await RemoteSocket.open(
      await group.waitForOutput(/DevTools listening on (ws:\S+)/, START_MS),
    );
    const blank = textAt(await socket.send('Target.createTarget', { url: 'about:blank' }), 'targetId');
    const attached = await socket.send('Target.attachToTarget', { targetId: blank, flatten: true });
    const session = textAt(attached, 'sessionId');
    // Before the site's first page, as a limit comes late for databases that are open.
    if (quotaBytes !== undefined) await limitQuota(socket, session, new URL(url).origin, quotaBytes);
    return new Chromium(group, socket, session, await openTab(socket, url));
  } catch (error) {
    await group.kill();
    throw error;
  }
}

/**
 * Only its empty tab is attached to: attached pages prerender nothing and attached workers never end.
 */
class Chromium implements Browser {
  readonly first: Tab;
  readonly #group: ProcessGroup;
  readonly #socket: RemoteSocket;
  /** Of the empty tab, through which what belongs to the whole profile is reached. */
  readonly #session: string;
  readonly #offline: ChromiumOffline;

  constructor(group: ProcessGroup, socket: RemoteSocket, session: string, first: Tab) {
    this.#group = group;
    this.#socket = socket;
    this.#session = session;
    this.#offline = new ChromiumOffline(socket);
    this.first = first;
  }

  openTab(url: string): Promise<Tab> {
    return openTab(this.#socket, url);
  }

  setOffline(isOffline: boolean): Promise<void> {
    return this.#offline.set(isOffline);
  }

  /**
   * Takes up to half a minute to be felt where a database is open, as that has been promised space (measured);
   * lifting it is felt at once. Ends with the browser.
   */
  limitQuota(origin: string, bytes: number | undefined): Promise<void> {
    return limitQuota(this.#socket, this.#session, origin, bytes);
  }

  /** Databases, local storage, caches, cookies and service workers; not the HTTP cache. */
  async clearStorage(origin: string): Promise<void> {
    await this.#socket.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' }, this.#session);
  }

  async stopWorkers(): Promise<void> {
    await this.#socket.send('ServiceWorker.enable', {}, this.#session);
    await this.#socket.send('ServiceWorker.stopAllWorkers', {}, this.#session);
    await this.#socket.send('ServiceWorker.disable', {}, this.#session);
  }

  async close(): Promise<void> {
    // It may be gone before it answers.
    await this.#socket.send('Browser.close').catch(() => undefined);
    await this.#group.waitForExit(CLOSE_MS);
    await this.kill();
  }

  async kill(): Promise<void> {
    await this.#group.kill();
    this.#socket.close();
  }
}

async function limitQuota(
  socket: RemoteSocket,
  session: string,
  origin: string,
  bytes: number | undefined,
): Promise<void> {
  const limit = bytes !== undefined && { quotaSize: bytes };
  await socket.send('Storage.overrideQuotaForOrigin', { origin, ...limit }, session);
}

async function openTab(socket: RemoteSocket, url: string): Promise<Tab> {
  const targetId = textAt(await socket.send('Target.createTarget', { url }), 'targetId');
  return {
    async close() {
      await socket.send('Target.closeTarget', { targetId });
    },
  };
}
