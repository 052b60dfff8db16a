import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether packages can be installed here without asking anybody: as root, on Debian and its kin. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/** Installs Debian's packages as far as they are to be had; look afterwards for what they bring. */
export function install(groups: readonly (readonly string[])[]): void {
  aptGet(['update', '-qq']);
  // One by one: a package that this Debian lacks must not keep the others away.
  for (const packages of groups) aptGet(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
}

function aptGet(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
}
