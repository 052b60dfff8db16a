import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';

const CLI = path.resolve('dist/server/cli.js');

export interface CliOptions {
  readonly dataFolder?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface CliEnd {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly pid: number | undefined;
  /** Not read before `end` is called. */
  readonly stdout: Readable;
  kill(signal: NodeJS.Signals): void;
  /** Resolves to its code when it has ended, whether or not anybody reads its output; null if a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Reads its output to the end; resolves when it has ended. */
  end(): Promise<CliEnd>;
}

/** The built command line as a process of its own; it goes when the test ends. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const { dataFolder = '/nonexistent', env, input = '' } = options;
  const child = spawn(process.execPath, [CLI, ...args], {
    env: {
      PATH: process.env['PATH'],
      WAYBILL_DATA: dataFolder,
      WAYBILL_STORE: `file:${dataFolder}`,
      ...env,
    },
    stdio: 'pipe',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    pid: child.pid,
    stdout: child.stdout,
    kill: (signal) => void child.kill(signal),
    exited,
    end: async () => {
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      const code = await exited;
      await closed;
      return { code, stdout, stderr };
    },
  };
}

export function runToEnd(args: readonly string[], options?: CliOptions): Promise<CliEnd> {
  return startCli(args, options).end();
}
