import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findBrowser } from './find-browser.ts';

const ADVICE = `The tests need a Chromium, and none was found.
Install one and run the tests again:
  Debian, Ubuntu   sudo apt-get install chromium
  Fedora           sudo dnf install chromium
  macOS            brew install --cask chromium
or set CHROMIUM to the path of a Chromium or Chrome that you have.
`;

/** Sees to it that there is a browser to test with, installing Debian's as root. */
function main(): void {
  if (findBrowser() === undefined && process.env['CHROMIUM'] === undefined && canInstall()) {
    process.stdout.write('no Chromium found: installing it with apt-get\n');
    run(['update', '-qq']);
    run(['install', '-y', '-qq', '--no-install-recommends', 'chromium']);
  }
  const browser = findBrowser();
  if (browser === undefined) {
    process.stderr.write(ADVICE);
    process.exitCode = 1;
  } else process.stdout.write(`browser: ${browser}\n`);
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

function run(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
}

main();
