import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findBrowser } from '../../scripts/find-browser.ts';
import { CHROMIUM_FLAGS } from '../../scripts/open-chromium.ts';
import { makeTempFolder } from './temp-folder.ts';

/**
 * Opens a Chromium that nothing is attached to: it prerenders no page while DevTools, and so Playwright, look on.
 * What happens in it must be told by its pages' requests.
 *
 * @returns What ends it.
 */
export async function openRawChromium(url: string): Promise<() => Promise<void>> {
  const profile = await makeTempFolder();
  const switches = ['--headless=new', `--user-data-dir=${profile.path}`];
  const browser = spawn(findBrowser() ?? 'chromium', [...CHROMIUM_FLAGS, ...switches, url], {
    // A process group of its own: Debian's `chromium` is a script around it.
    detached: true,
    stdio: 'ignore',
  });
  const exit = once(browser, 'exit');
  return async () => {
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    await exit;
    await profile.remove();
  };
}
