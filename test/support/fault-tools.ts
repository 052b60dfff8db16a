import { execFile } from 'node:child_process';

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/**
 * Whether the tests that mount file systems run: as root on Linux, and wherever the machine is there for
 * the tests. What they lack then fails them.
 */
export const MAY_MOUNT = isRoot || (process.env['CI'] ?? '') !== '';

/** Behind the title of a suite that mounts, so that one that does not run says why. */
export const UNLESS_MOUNTED = MAY_MOUNT ? '' : ' (NOT RUN: mounting needs root on Linux)';

/** Runs a program to its end; rejects with what it complained about. */
export function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${stderr || error.message}`, { cause: error }));
    });
  });
}
