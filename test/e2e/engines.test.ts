import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineSite } from '../support/engine-site.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { ENGINES } from '../torture/engines/all-engines.ts';
import type { Browser, LaunchOptions } from '../torture/engines/engine.ts';

const WAIT = { timeout: 30_000, interval: 50 };
/** A page and its worker ask ten times a second. */
const QUIET_MS = 800;

describe.each(ENGINES)('$name', (engine) => {
  const isThere = engine.find() !== undefined;

  it.skipIf(isThere)('is installed', () => {
    process.stderr.write(`\n*** NOT TESTED: ${engine.name} is not installed. ***\n\n`);
    expect(process.env['CI'], 'an engine is missing').toBeUndefined();
  });

  describe.skipIf(!isThere)('driven', () => {
    let site: EngineSite;
    let profile: Awaited<ReturnType<typeof makeTempFolder>>;
    let browser: Browser | undefined;

    beforeEach(async () => {
      site = new EngineSite();
      await site.start();
      profile = await makeTempFolder();
    });
    afterEach(async () => {
      await browser?.kill();
      browser = undefined;
      await site.stop();
      expect(processesOf(profile.path)).toEqual([]);
      await profile.remove();
    });

    /** Returns when the page and its worker are at work. */
    async function launch(page: string, options?: LaunchOptions): Promise<Browser> {
      browser = await engine.launch(profile.path, `${site.origin}/page?${page}`, options);
      await loads(page);
      return browser;
    }
    async function loads(page: string): Promise<string | undefined> {
      const name = page.split('&')[0];
      await expect.poll(() => site.last(`${name} loads`), WAIT).toBeDefined();
      return site.last(`${name} loads`);
    }
    async function expectMore(beginning: string, count = 1): Promise<void> {
      const before = site.count(beginning);
      await expect.poll(() => site.count(beginning), WAIT).toBeGreaterThanOrEqual(before + count);
    }

    it('opens and closes tabs, and keeps what they stored when it is killed or closed', async () => {
      const one = await launch('a');
      const tab = await one.openTab(`${site.origin}/page?b`);
      expect(await loads('b')).toBe('2');
      await one.openTab(`${site.origin}/page?c&x=%20y`);
      expect(await loads('c')).toBe('3');
      await tab.close();
      await expect.poll(() => site.count('b left'), WAIT).toBe(1);
      await expectMore('page: c');
      await one.first.close();
      await expect.poll(() => site.count('a left'), WAIT).toBe(1);
      expect(site.count('c left')).toBe(0);
      await one.kill();
      expect(processesOf(profile.path)).toEqual([]);

      const two = await launch('d');
      expect(await loads('d')).toBe('4');
      expect(site.count('c loads')).toBe(1);
      await two.close();
      expect(processesOf(profile.path)).toEqual([]);

      await launch('e');
      expect(await loads('e')).toBe('5');
    });

    it.skipIf(engine.lacks.closeLastTab)('lives without a tab of the site', async () => {
      const running = await launch('a');
      await running.first.close();
      await expect.poll(() => site.count('a left'), WAIT).toBe(1);
      await running.openTab(`${site.origin}/page?b`);
      expect(await loads('b')).toBe('2');
    });

    it.skipIf(engine.lacks.setOffline)('goes offline with its pages and workers', async () => {
      const running = await launch('a');
      await expectMore('worker', 2);
      for (let round = 0; round < 2; round++) {
        await running.setOffline?.(true);
        await delay(100);
        const before = site.said.length;
        await delay(QUIET_MS);
        if (round > 0) {
          await running.stopWorkers?.();
          await delay(QUIET_MS);
        }
        expect(site.said.slice(before)).toEqual([]);
        await running.setOffline?.(false);
        await Promise.all([expectMore('page', 2), expectMore('worker', 2)]);
      }
    });

    it.skipIf(engine.lacks.stopWorkers)('stops workers, which start again', async () => {
      const running = await launch('a');
      await expectMore('worker', 2);
      const instance = site.last('worker');
      expect(site.said.filter((line) => line.startsWith('worker') && !line.endsWith(`${instance}`))).toEqual(
        [],
      );
      await running.stopWorkers?.();
      await expect.poll(() => site.last('worker'), WAIT).not.toBe(instance);
    });

    it.skipIf(engine.lacks.clearStorage)('clears what the site stored', async () => {
      const running = await launch('a');
      await running.clearStorage?.(site.origin);
      await expectMore('page: a');
      await running.openTab(`${site.origin}/page?b`);
      expect(await loads('b')).toBe('1');
    });

    it.skipIf(engine.name === 'webkit')('limits the quota from the start', async () => {
      const full = await launch('a&fill', { quotaBytes: 3_000_000 });
      await expect.poll(() => site.last('a stored'), WAIT).toBe('not, QuotaExceededError');
      if (full.limitQuota === undefined) {
        await full.close();
        await launch('b&fill');
      } else {
        await full.limitQuota(site.origin, undefined);
        await full.openTab(`${site.origin}/page?b&fill`);
      }
      await expect.poll(() => site.last('b stored'), WAIT).toBe('everything');
    });

    it.skipIf(engine.lacks.backgroundSync)('tries a background sync again without a tab', async () => {
      site.syncStatus = 503;
      const running = await launch('a&sync');
      await expect.poll(() => site.count('sync: tag'), WAIT).toBe(1);
      site.syncStatus = 204;
      await running.first.close();
      await expect.poll(() => site.count('sync: tag'), WAIT).toBe(2);
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
