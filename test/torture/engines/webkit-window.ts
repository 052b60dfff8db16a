import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProcessGroup } from './process-group.ts';

const run = promisify(execFile);
/** Until the window has done what a key told it. */
const REACTION_MS = 10_000;
/** Middle of the tab headers, below the toolbar. */
const TABS_Y = 56;
/** Where a header is clicked, as a part of its width: away from its closing button. */
const HEADER_PART = 0.3;

/** A tab as the inspector lists it. */
interface Target {
  /** Grows from tab to tab, and so from left to right. */
  readonly id: number;
  readonly url: string;
}

/**
 * MiniBrowser's window, used as a user does.
 *
 * What came of a key or click is seen in the list of pages that WebKit's inspector serves; nothing is ever attached
 * to a page.
 */
export class WebKitWindow {
  readonly #keyboard: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #inspector: string;
  readonly #browser: ProcessGroup;
  #windowId: string | undefined;
  /** One at a time: there is one keyboard. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(keyboard: string, env: NodeJS.ProcessEnv, inspector: string, browser: ProcessGroup) {
    this.#keyboard = keyboard;
    this.#env = env;
    this.#inspector = inspector;
    this.#browser = browser;
  }

  /** The ids of the tabs from left to right, when there are so many. */
  async waitForTabs(count: number, timeoutMs = REACTION_MS): Promise<readonly number[]> {
    const tabs = await this.#browser.waitFor(`${count} tabs`, timeoutMs, async () => {
      const targets = await this.#targets();
      return targets.length === count ? targets : undefined;
    });
    return tabs.map(({ id }) => id);
  }

  /** Opens it in the foreground, to the right of all others. */
  openTab(url: string): Promise<number> {
    return this.#inTurn(() => this.#openTab(url));
  }

  closeTab(id: number): Promise<void> {
    return this.#inTurn(() => this.#closeTab(id));
  }

  quit(): Promise<void> {
    return this.#inTurn(() => this.#press('ctrl+q'));
  }

  async #openTab(url: string): Promise<number> {
    const before = await this.#targets();
    await this.#press('ctrl+t');
    const id = (await this.waitForTabs(before.length + 1)).at(-1);
    if (id === undefined) throw new Error('MiniBrowser opened no tab');
    await this.#go(url);
    await this.#browser.waitFor(`the tab of ${url}`, REACTION_MS, async () =>
      (await this.#targets()).find((target) => target.id === id && target.url !== 'about:blank'),
    );
    return id;
  }

  async #closeTab(id: number): Promise<void> {
    const before = await this.#targets();
    const index = before.findIndex((target) => target.id === id);
    if (index < 0) throw new Error('the tab has gone already');
    await this.#choose(index, before.length);
    await this.#press('ctrl+w');
    const left = await this.waitForTabs(before.length - 1);
    if (left.includes(id)) throw new Error('MiniBrowser closed another tab');
  }

  /** The headers of the tabs share the width of the window. */
  async #choose(index: number, count: number): Promise<void> {
    const { stdout } = await this.#do(['getwindowgeometry', '--shell', await this.#findWindow()]);
    const width = Number(/^WIDTH=(\d+)$/m.exec(stdout)?.[1]);
    const x = Math.round((width * (index + HEADER_PART)) / count);
    await this.#do(['mousemove', '--window', await this.#findWindow(), `${x}`, `${TABS_Y}`, 'click', '1']);
  }

  async #go(address: string): Promise<void> {
    await this.#press('ctrl+l');
    // Not by a line feed at the end: MiniBrowser then begins to load and gets nowhere.
    await this.#do(['type', '--delay', '2', '--args', '1', address, 'key', 'Return']);
  }

  async #press(key: string): Promise<void> {
    // Nobody gives the window the focus, as there is no window manager.
    await this.#do(['windowfocus', '--sync', await this.#findWindow(), 'key', key]);
  }

  async #findWindow(): Promise<string> {
    this.#windowId ??= await this.#browser.waitFor('a window', REACTION_MS, async () => {
      // It fails while there is none.
      const found = await this.#do(['search', '--onlyvisible', '--class', 'MiniBrowser']).catch(
        () => undefined,
      );
      return found === undefined ? undefined : /^\d+$/m.exec(found.stdout)?.[0];
    });
    return this.#windowId;
  }

  #do(args: readonly string[]): Promise<{ readonly stdout: string }> {
    return run(this.#keyboard, args, { env: this.#env, timeout: REACTION_MS });
  }

  async #targets(): Promise<readonly Target[]> {
    try {
      const answer = await fetch(`http://${this.#inspector}/`);
      const html = await answer.text();
      return [...html.matchAll(/class="targeturl">([^<]*)<.*?\/socket\/\d+\/(\d+)\/WebPage/gs)]
        .map(([, url = '', id]) => ({ id: Number(id), url }))
        .toSorted((a, b) => a.id - b.id);
    } catch {
      // The inspector comes some time after the window.
      return [];
    }
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
