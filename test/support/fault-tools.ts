import { execFile } from 'node:child_process';
import { areToolsRequired, TEST_TOOLS, findTestTool } from '../../scripts/find-test-tools.ts';

/** Whether the tests that mount file systems run. What they then lack fails them. */
export const MAY_MOUNT = areToolsRequired();

/** Behind the title of a suite that mounts, so that one that does not run says why. */
export const UNLESS_MOUNTED = MAY_MOUNT ? '' : ' (NOT RUN: mounting needs root on Linux)';

/** Whether the tests run that make system calls fail: root is not needed, but libfiu is. */
export const MAY_INJECT = areToolsRequired() || findTestTool('fiu-run') !== undefined;

/** As `UNLESS_MOUNTED`. */
export const UNLESS_INJECTED = MAY_INJECT ? '' : ' (NOT RUN: fiu-run is not installed)';

/** The path of one of `TEST_TOOLS`; fails the test that needs it if it is not there. */
export function faultTool(program: string): string {
  const found = findTestTool(program);
  if (found !== undefined) return found;
  const names = TEST_TOOLS.filter((tool) => tool.program === program).map((tool) => tool.package);
  throw new Error(`${program} is not installed; Debian has it in: ${names.join()}`);
}

/** Runs one of `TEST_TOOLS` to its end; rejects with what it complained about. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const file = faultTool(program);
  return new Promise((resolve, reject) => {
    execFile(file, args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${stderr || error.message}`, { cause: error }));
    });
  });
}
