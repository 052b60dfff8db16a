import { readdirSync } from 'node:fs';
import path from 'node:path';
import { findBrowser, findProgram, isExecutable } from './find-browser.ts';

/** Where distributions put WebKitGTK's programs. */
const WEBKIT_FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/libexec'];

/** The Firefox to test with: the one that `FIREFOX` names, else the first found; undefined if there is none. */
export function findFirefox(): string | undefined {
  return findProgram(process.env['FIREFOX'], ['firefox-esr', 'firefox']);
}

/** WebKitGTK's MiniBrowser and what drives it; undefined unless all of it is there. */
export function findWebKit():
  { readonly browser: string; readonly display: string; readonly keyboard: string } | undefined {
  const browser = miniBrowsers().find(isExecutable);
  const display = findProgram(undefined, ['Xvfb']);
  const keyboard = findProgram(undefined, ['xdotool']);
  if (browser === undefined || display === undefined || keyboard === undefined) return undefined;
  return { browser, display, keyboard };
}

/** What the tests drive, the environment variable that may name it, and what of Debian's it is in. */
export const ENGINE_PACKAGES: readonly {
  readonly engine: string;
  readonly find: () => string | undefined;
  readonly variable?: string;
  readonly packages: readonly string[];
}[] = [
  { engine: 'Chromium', find: findBrowser, variable: 'CHROMIUM', packages: ['chromium'] },
  { engine: 'Firefox', find: findFirefox, variable: 'FIREFOX', packages: ['firefox-esr'] },
  {
    engine: 'WebKitGTK',
    find: () => findWebKit()?.browser,
    packages: ['webkit2gtk-driver', 'xvfb', 'xdotool'],
  },
];

/** In `webkit2gtk-4.1` or the like, below a folder per architecture or not. */
function miniBrowsers(): string[] {
  return WEBKIT_FOLDERS.flatMap((folder) => [folder, ...subfolders(folder, /-linux-gnu/)])
    .flatMap((folder) => subfolders(folder, /^webkit2?gtk-/))
    .map((folder) => path.join(folder, 'MiniBrowser'));
}

function subfolders(folder: string, name: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((entry) => name.test(entry))
      .map((entry) => path.join(folder, entry));
  } catch {
    // Not every distribution has every one.
    return [];
  }
}
