import { execFile } from 'node:child_process';
import path from 'node:path';

const CLI = path.resolve('dist/server/cli.js');

/** Runs the command line as a person would; resolves with what it printed. */
export function runCli(args: readonly string[], dataFolder: string, input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const store = { WAYBILL_DATA: dataFolder, WAYBILL_STORE: `file:${dataFolder}` };
    const env = { PATH: process.env['PATH'], ...store };
    const child = execFile(process.execPath, [CLI, ...args], { env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr));
    });
    child.stdin?.end(input);
  });
}

export function addUser(
  dataFolder: string,
  name: string,
  customers: string,
  password: string,
): Promise<string> {
  return runCli(['user', 'add', name, '--customers', customers], dataFolder, `${password}\n`);
}
