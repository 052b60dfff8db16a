import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC_APPS = ['Chromium.app/Contents/MacOS/Chromium', 'Google Chrome.app/Contents/MacOS/Google Chrome'];

/** The Chromium to test with: the one that `CHROMIUM` names, else the first found; undefined if there is none. */
export function findBrowser(): string | undefined {
  return findProgram(
    process.env['CHROMIUM'],
    NAMES,
    MAC_APPS.map((app) => path.join('/Applications', app)),
  );
}

/**
 * The first program in `PATH`, by the order of names.
 *
 * @param named - A path that counts alone unless it is undefined or empty.
 * @param others - Paths to look at when `PATH` has none.
 */
export function findProgram(
  named: string | undefined,
  names: readonly string[],
  others: readonly string[] = [],
): string | undefined {
  if (named !== undefined && named !== '') return isExecutable(named) ? named : undefined;
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const inPath = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [...inPath, ...others].find(isExecutable);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Not there is the usual case.
    return false;
  }
}
