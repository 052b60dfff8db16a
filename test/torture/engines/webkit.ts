import { createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { findWebKit } from '../../../scripts/find-engines.ts';
import type { Browser, Engine, Tab } from './engine.ts';
import { ProcessGroup } from './process-group.ts';
import { startTwice } from './start-twice.ts';
import { WebKitWindow } from './webkit-window.ts';

const START_MS = 60_000;
const CLOSE_MS = 15_000;

/** WebKitGTK's MiniBrowser, used by keyboard and mouse as its driver protocol keeps nothing over a restart. */
export const webkit: Engine = {
  name: 'webkit',
  lacks: {
    backgroundSync: 'WebKit has no Background Sync',
    clearStorage:
      'MiniBrowser crashes at times when its page about:data is told to clear more than one thing',
    damageDatabases: 'the lab knows the databases of Chromium only',
    tearDatabases: 'the lab knows the databases of Chromium only',
    launchWithQuota: 'MiniBrowser has no switch for the quota',
    limitQuota: 'MiniBrowser has no switch for the quota',
    setOffline: 'MiniBrowser has no switch for the network: stop the server instead',
    stopWorkers: 'MiniBrowser has no command for workers',
  },
  find: () => findWebKit()?.browser,
  launch: (profile, url) => startTwice(() => launch(profile, url)),
};

async function launch(profile: string, url: string): Promise<Browser> {
  const programs = findWebKit();
  if (programs === undefined) throw new Error('WebKitGTK, Xvfb or xdotool is not installed');
  const display = new ProcessGroup(
    programs.display,
    '-displayfd 1 -screen 0 1280x1024x24 -nolisten tcp'.split(' '),
  );
  let browser: ProcessGroup | undefined;
  try {
    const number = await display.waitForOutput(/^(\d+)$/m, START_MS);
    const inspector = `127.0.0.1:${await freePort()}`;
    const env = {
      ...process.env,
      HOME: profile,
      XDG_DATA_HOME: path.join(profile, 'data'),
      XDG_CACHE_HOME: path.join(profile, 'cache'),
      XDG_CONFIG_HOME: path.join(profile, 'config'),
      DISPLAY: `:${number}`,
      GDK_BACKEND: 'x11',
      LIBGL_ALWAYS_SOFTWARE: '1',
      NO_AT_BRIDGE: '1',
      WEBKIT_INSPECTOR_HTTP_SERVER: inspector,
    };
    // The empty tab is the driver's own: MiniBrowser ends with its last one.
    browser = new ProcessGroup(programs.browser, [url, 'about:blank'], env);
    const window = new WebKitWindow(programs.keyboard, env, inspector, browser);
    const [first] = await window.waitForTabs(2, START_MS);
    if (first === undefined) throw new Error('MiniBrowser has no tab');
    return new MiniBrowser(display, browser, window, first);
  } catch (error) {
    await browser?.kill();
    await display.kill();
    throw error;
  }
}

class MiniBrowser implements Browser {
  readonly first: Tab;
  readonly #display: ProcessGroup;
  readonly #browser: ProcessGroup;
  readonly #window: WebKitWindow;

  constructor(display: ProcessGroup, browser: ProcessGroup, window: WebKitWindow, first: number) {
    this.#display = display;
    this.#browser = browser;
    this.#window = window;
    this.first = this.#tab(first);
  }

  async openTab(url: string): Promise<Tab> {
    return this.#tab(await this.#window.openTab(url));
  }

  async close(): Promise<void> {
    await this.#window.quit();
    await this.#browser.waitForExit(CLOSE_MS);
    await this.kill();
  }

  async kill(): Promise<void> {
    await this.#browser.kill();
    await this.#display.kill();
  }

  #tab(id: number): Tab {
    return { close: () => this.#window.closeTab(id) };
  }
}

/** MiniBrowser takes the inspector's port from the environment only, and can't choose one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
