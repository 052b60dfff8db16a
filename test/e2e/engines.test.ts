import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EngineSite } from '../support/engine-site.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { ENGINES } from '../torture/engines/all-engines.ts';
import type { Ability, Browser, LaunchOptions, Tab } from '../torture/engines/engine.ts';

const WAIT = { timeout: 30_000, interval: 50 };
/** A page and its worker ask ten times a second. */
const QUIET_MS = 800;

describe.each(ENGINES)('$name', (engine) => {
  const isThere = engine.find() !== undefined;
  /** For `it.each`: no test of what the engine can't be made to do. */
  const able = (ability: Ability): readonly string[] => (engine.lacks[ability] ? [] : [engine.name]);

  it('is installed, or said not to be where that is allowed', () => {
    if (!isThere) process.stderr.write(`\n*** NOT TESTED: ${engine.name} is not installed. ***\n\n`);
    expect(isThere || !process.env['CI'], 'an engine is missing').toBe(true);
  });

  // One browser for all, as its start takes longer than most of the tests.
  describe.each(isThere ? ['driven'] : [])('%s', () => {
    let site: EngineSite;
    let profile: Awaited<ReturnType<typeof makeTempFolder>>;
    let browser: Browser;
    let tabs: Tab[] = [];

    beforeAll(async () => {
      site = new EngineSite();
      await site.start();
      profile = await makeTempFolder();
      await launch('start');
    });
    afterAll(async () => {
      await browser.kill();
      await site.stop();
      await profile.remove();
    });

    /** Resolves when the page and its worker are at work. */
    async function launch(page: string, options?: LaunchOptions): Promise<void> {
      browser = await engine.launch(profile.path, `${site.origin}/page?${page}`, options);
      tabs = [browser.first];
      await loads(page);
    }
    async function open(page: string): Promise<Tab> {
      const tab = await browser.openTab(`${site.origin}/page?${page}`);
      tabs.push(tab);
      await loads(page);
      return tab;
    }
    /** How many pages the site's database knows of. */
    async function loads(page: string): Promise<number> {
      const name = page.split('&')[0];
      await vi.waitFor(() => expect(site.last(`${name} loads`)).toBeDefined(), WAIT);
      return Number(site.last(`${name} loads`));
    }
    async function close(tab: Tab): Promise<void> {
      await tab.close();
      tabs = tabs.filter((other) => other !== tab);
    }
    async function expectMore(beginning: string, count = 1): Promise<void> {
      const before = site.count(beginning);
      await expect.poll(() => site.count(beginning), WAIT).toBeGreaterThanOrEqual(before + count);
    }

    it('closes the tab that is meant', async () => {
      const tab = await open('middle');
      await open('last&x=%20y');
      await close(tab);
      await expect.poll(() => site.count('middle left'), WAIT).toBe(1);
      await close(browser.first);
      await expect.poll(() => site.count('start left'), WAIT).toBe(1);
      await expectMore('page: last');
      expect(site.count('last left')).toBe(0);
    });

    it('keeps what was stored when it is killed or closed, and leaves no process', async () => {
      const before = await loads('last');
      await browser.kill();
      expect(processesOf(profile.path)).toEqual([]);
      await launch('afterKill');
      expect(await loads('afterKill')).toBe(before + 1);
      await browser.close();
      expect(processesOf(profile.path)).toEqual([]);
      await launch('afterClose');
      expect(await loads('afterClose')).toBe(before + 2);
      // No tab of an earlier run came again.
      expect(site.count('last loads')).toBe(1);
    });

    it.each(able('closeLastTab'))('lives without a tab of the site', async () => {
      await close(browser.first);
      await expect.poll(() => site.count('afterClose left'), WAIT).toBe(1);
      await open('afterLast');
    });

    it.each(able('setOffline'))('goes offline with its pages and workers', async () => {
      await expectMore('worker', 2);
      for (let round = 0; round < 2; round++) {
        await browser.setOffline?.(true);
        await delay(100);
        const before = site.said.length;
        await delay(QUIET_MS);
        // One that starts offline is offline.
        if (round > 0) await browser.stopWorkers?.();
        await delay(QUIET_MS);
        expect(site.said.slice(before)).toEqual([]);
        await browser.setOffline?.(false);
        await Promise.all([expectMore('page', 2), expectMore('worker', 2)]);
      }
    });

    it.each(able('stopWorkers'))('stops workers, which start again', async () => {
      await expectMore('worker', 2);
      const instance = site.last('worker');
      await browser.stopWorkers?.();
      await expect.poll(() => site.last('worker'), WAIT).not.toBe(instance);
    });

    it.each(able('clearStorage'))('clears what the site stored', async () => {
      expect(await loads('afterLast')).toBeGreaterThan(1);
      await browser.clearStorage?.(site.origin);
      await open('afterClear');
      expect(await loads('afterClear')).toBe(1);
    });

    it.each(able('backgroundSync'))('tries a background sync again without a tab', async () => {
      site.syncStatus = 503;
      await open('sync&sync');
      await expect.poll(() => site.count('sync: tag'), WAIT).toBe(1);
      site.syncStatus = 204;
      for (const tab of tabs) await close(tab);
      await expect.poll(() => site.count('sync: tag'), WAIT).toBe(2);
    });

    it.each(engine.name === 'webkit' ? [] : [engine.name])('limits the quota', async () => {
      await browser.close();
      await launch('full&fill', { quotaBytes: 3_000_000 });
      await expect.poll(() => site.last('full stored'), WAIT).toBe('not, QuotaExceededError');
      if (browser.limitQuota === undefined) {
        await browser.close();
        await launch('free&fill');
      } else {
        await browser.limitQuota(site.origin, undefined);
        await open('free&fill');
      }
      await expect.poll(() => site.last('free stored'), WAIT).toBe('everything');
    });
  });
});

/** Command lines of the processes that have the profile in theirs or in their environment, where that can be seen. */
function processesOf(profile: string): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && entry !== String(process.pid))
    .map((entry) => ({ command: read(`/proc/${entry}/cmdline`), env: read(`/proc/${entry}/environ`) }))
    .filter(({ command, env }) => command.includes(profile) || env.includes(profile))
    .map(({ command }) => command.replaceAll('\0', ' '));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
