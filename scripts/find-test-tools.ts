import path from 'node:path';
import { findProgram } from './find-browser.ts';

/** What the tests of power cuts, full and failing disks and of the stored files run, and Debian's packages of it. */
export const TEST_TOOLS: readonly { readonly program: string; readonly package: string }[] = [
  { program: 'mkfs.ext4', package: 'e2fsprogs' },
  { program: 'mount', package: 'mount' },
  { program: 'umount', package: 'mount' },
  { program: 'perl', package: 'perl-base' },
  { program: 'fiu-run', package: 'fiu-utils' },
  { program: 'fiu-ctrl', package: 'fiu-utils' },
  { program: 'jq', package: 'jq' },
];

/** Not in everybody's `PATH`. */
const ADMIN_FOLDERS = ['/usr/sbin', '/sbin'];

export function findTestTool(program: string): string | undefined {
  return findProgram(
    undefined,
    [program],
    ADMIN_FOLDERS.map((folder) => path.join(folder, program)),
  );
}

/** Whether those tests must run: as root on Linux, and wherever the machine is there for the tests. */
export function areToolsRequired(): boolean {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  return isRoot || (process.env['CI'] ?? '') !== '';
}
