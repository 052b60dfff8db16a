import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const MAIN = path.resolve('dist/server/main.js');
const START_MS = 20_000;

export const ADMIN = { id: 'admin', password: 'correct horse' };

export interface ServerProcess {
  /** Such as `http://127.0.0.1:34567`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly dataFolder: string;
  /** What it has printed so far. */
  readonly output: () => string;
  /** What it has logged so far. */
  readonly log: () => string;
  /** Ends it, resolving with its exit code, or null if the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface ServerOptions {
  readonly dataFolder?: string;
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A program with arguments that becomes the command behind them. */
  readonly under?: readonly string[];
}

/** The built server as a process of its own, for whoever ends it. */
export async function launchServer(
  options: ServerOptions & { readonly dataFolder: string },
): Promise<ServerProcess> {
  if (!existsSync(MAIN)) throw new Error('build first: npm run build');
  const { dataFolder } = options;
  const [program, ...args] = [...(options.under ?? []), process.execPath, MAIN];
  const child = spawn(program ?? process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      PORT: String(options.port ?? 0),
      WAYBILL_DATA: dataFolder,
      WAYBILL_STORE: `file:${dataFolder}`,
      WAYBILL_ADMIN: `${ADMIN.id}:${ADMIN.password}`,
      ...options.env,
    },
  });
  let output = '';
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const url = await listening(
    child,
    () => output,
    () => log,
  );
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    dataFolder,
    output: () => output,
    log: () => log,
    stop: (signal = 'SIGTERM') => stopProcess(child, signal),
  };
}

async function listening(child: ChildProcess, output: () => string, log: () => string): Promise<string> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    const url = /listens on (http:\S+)\n/.exec(output())?.[1];
    // The rest of the welcome comes with the same write.
    if (url !== undefined) return url;
    if (child.exitCode !== null || child.signalCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGKILL');
  throw new Error(`the server did not start: ${log()}`);
}

function stopProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else {
      child.once('exit', (code) => resolve(code));
      child.kill(signal);
    }
  });
}
