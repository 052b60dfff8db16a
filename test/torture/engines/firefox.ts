import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findFirefox } from '../../../scripts/find-engines.ts';
import type { Browser, Engine, LaunchOptions, Tab } from './engine.ts';
import { fieldsAt, listAt, textAt } from './fields.ts';
import { firefoxPrefs } from './firefox-prefs.ts';
import { ProcessGroup } from './process-group.ts';
import { RemoteSocket } from './remote-socket.ts';
import { startTwice } from './start-twice.ts';

const START_MS = 60_000;
const CLOSE_MS = 15_000;

/** Firefox over WebDriver BiDi, and over its privileged scripts for what WebDriver has no command for. */
export const firefox: Engine = {
  name: 'firefox',
  lacks: {
    backgroundSync: 'Firefox has no Background Sync',
    damageDatabases: 'the lab knows the databases of Chromium only',
    tearDatabases: 'the lab knows the databases of Chromium only',
    limitQuota: 'Firefox reads its quota at the start only: see LaunchOptions.quotaBytes',
  },
  find: findFirefox,
  launch: (profile, url, options) => startTwice(() => launch(profile, url, options)),
};

async function launch(profile: string, url: string, options: LaunchOptions = {}): Promise<Browser> {
  const program = findFirefox();
  if (program === undefined) throw new Error('Firefox is not installed');
  await writeFile(path.join(profile, 'user.js'), firefoxPrefs(options.quotaBytes));
  const group = new ProcessGroup(
    program,
    [
      '--headless',
      '--no-remote',
      `--profile=${profile}`,
      '--remote-debugging-port=0',
      '--remote-allow-system-access',
      // The driver's own tab: the browser stays when the last of the others is closed.
      'about:blank',
    ],
    { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' },
  );
  try {
    const address = await group.waitForOutput(/WebDriver BiDi listening on (ws:\S+)/, START_MS);
    const socket = await RemoteSocket.open(`${address}/session`);
    await socket.send('session.new', { capabilities: {} });
    const tree = await socket.send('browsingContext.getTree', { 'moz:scope': 'chrome' });
    const [window] = listAt(tree, 'contexts');
    if (window === undefined) throw new Error('Firefox has no window');
    return new Firefox(group, socket, textAt(window, 'context'), await openTab(socket, url));
  } catch (error) {
    await group.kill();
    throw error;
  }
}

class Firefox implements Browser {
  readonly first: Tab;
  readonly #group: ProcessGroup;
  readonly #socket: RemoteSocket;
  /** The browser's own window, whose scripts may do everything. */
  readonly #window: string;

  constructor(group: ProcessGroup, socket: RemoteSocket, window: string, first: Tab) {
    this.#group = group;
    this.#socket = socket;
    this.#window = window;
    this.first = first;
  }

  openTab(url: string): Promise<Tab> {
    return openTab(this.#socket, url);
  }

  /** Firefox's own offline mode lets the loopback device through; a proxy that isn't there does the rest. */
  async setOffline(isOffline: boolean): Promise<void> {
    await this.#run(
      isOffline
        ? `Services.prefs.setStringPref('network.proxy.http', '127.0.0.1');
           Services.prefs.setIntPref('network.proxy.http_port', 9);
           Services.prefs.setIntPref('network.proxy.type', 1);
           Services.io.offline = true;`
        : `Services.prefs.setIntPref('network.proxy.type', 0);
           Services.io.offline = false;`,
    );
  }

  /** Databases, local storage, caches and service workers; neither cookies nor the HTTP cache. */
  async clearStorage(origin: string): Promise<void> {
    await this.#run(`
      const principal = Services.scriptSecurityManager.createContentPrincipalFromOrigin(${JSON.stringify(origin)});
      await new Promise((resolve, reject) => {
        Services.clearData.deleteDataFromPrincipal(principal, true, Ci.nsIClearDataService.CLEAR_DOM_STORAGES, {
          onDataDeleted: (failed) => (failed === 0 ? resolve() : reject(new Error('failed: ' + failed))),
        });
      });`);
  }

  async stopWorkers(): Promise<void> {
    await this.#run(`
      const manager = Cc['@mozilla.org/serviceworkers/manager;1'].getService(Ci.nsIServiceWorkerManager);
      const registrations = manager.getAllRegistrations();
      for (let index = 0; index < registrations.length; index++) {
        const registration = registrations.queryElementAt(index, Ci.nsIServiceWorkerRegistrationInfo);
        const { activeWorker, waitingWorker } = registration;
        for (const worker of [activeWorker, waitingWorker]) await worker?.terminateWorker();
      }`);
  }

  async close(): Promise<void> {
    // It may be gone before it answers.
    await this.#socket.send('browser.close').catch(() => undefined);
    await this.#group.waitForExit(CLOSE_MS);
    await this.kill();
  }

  async kill(): Promise<void> {
    await this.#group.kill();
    this.#socket.close();
  }

  /** Runs the body of an async function with Firefox's own rights. */
  async #run(body: string): Promise<void> {
    const answer = await this.#socket.send('script.callFunction', {
      functionDeclaration: `async () => { ${body} }`,
      target: { context: this.#window },
      awaitPromise: true,
    });
    if (answer['type'] === 'exception') {
      throw new Error(`Firefox: ${textAt(fieldsAt(answer, 'exceptionDetails'), 'text')}`);
    }
  }
}

async function openTab(socket: RemoteSocket, url: string): Promise<Tab> {
  const context = textAt(await socket.send('browsingContext.create', { type: 'tab' }), 'context');
  await socket.send('browsingContext.navigate', { context, url, wait: 'none' });
  return {
    async close() {
      await socket.send('browsingContext.close', { context, promptUnload: false });
    },
  };
}
