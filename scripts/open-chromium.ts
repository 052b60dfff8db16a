import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { findBrowser } from './find-browser.ts';

/** Switches that every Chromium of these tests is started with. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * A real Chromium with a fresh profile; `$CHROMIUM` or Debian's.
 *
 * @param args - Command line switches besides the usual ones.
 * @param ignoreDefaultArgs - Those of Playwright's own that are left out.
 */
export async function openChromium({
  args = [],
  ignoreDefaultArgs = [],
}: { readonly args?: readonly string[]; readonly ignoreDefaultArgs?: readonly string[] } = {}): Promise<{
  context: BrowserContext;
  readonly close: () => Promise<void>;
}> {
  const profile = await mkdtemp(join(tmpdir(), 'waybill-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findBrowser() ?? 'chromium',
    headless: true,
    args: [...CHROMIUM_FLAGS, ...args],
    ignoreDefaultArgs: [...ignoreDefaultArgs],
  });
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
