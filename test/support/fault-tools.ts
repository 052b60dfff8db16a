import { execFile } from 'node:child_process';
import { findProgram } from '../../scripts/find-browser.ts';

/**
 * Whether the tests that need root on Linux run: also wherever the machine is there for the tests. What
 * they lack then fails them.
 */
export const MAY_MOUNT =
  (process.platform === 'linux' && process.getuid?.() === 0) || (process.env['CI'] ?? '') !== '';

/** Behind the title of a suite that mounts, so that one that does not run says why. */
export const UNLESS_MOUNTED = MAY_MOUNT ? '' : ' (NOT RUN: mounting needs root on Linux)';

/** Whether the tests run that make system calls fail, by the rule of those that mount. */
export const MAY_INJECT = MAY_MOUNT || findProgram(undefined, ['fiu-run']) !== undefined;

/** As `UNLESS_MOUNTED`. */
export const UNLESS_INJECTED = MAY_INJECT ? '' : ' (NOT RUN: fiu-run is not installed)';

/** Runs a program to its end; rejects with what it complained about. */
export function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${stderr || error.message}`, { cause: error }));
    });
  });
}
