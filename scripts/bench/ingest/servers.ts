import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import type { Cores } from '../cores.ts';
import { cpuTimeOf, type CpuTime } from './cpu-time.ts';

const BENCH = path.resolve('dist/bench');
/** As `npm start` has them; the servers compared have them, too. */
const NODE_OPTIONS = ['--max-semi-space-size=8'];

/** A server process of the benchmark. */
export interface BenchServer {
  readonly url: string;
  /** The most memory that its process has had resident, in MB; NaN where the system doesn't tell. */
  peakMb(): number;
  /** What its process, and all that belong to it, have taken of the processors so far. */
  cpuTime(): CpuTime;
}

/** Starts the servers that are compared, and ends them. */
export class BenchServers {
  readonly #folder: string;
  readonly #cores: Cores;
  readonly #children: ChildProcess[] = [];

  /** @param folder - For the servers' own files. */
  constructor(folder: string, cores: Cores) {
    this.#folder = folder;
    this.#cores = cores;
  }

  /** The same framework without storage. */
  async startBaseline(): Promise<BenchServer> {
    return this.#start(await bundle('plain-koa.ts', BENCH), {}, /port (\d+)/);
  }

  /** The server as it is built, with all its middleware. */
  startWaybill(): Promise<BenchServer> {
    const data = path.join(this.#folder, 'data');
    const env = {
      PORT: '0',
      WAYBILL_STORE: `file:${data}`,
      WAYBILL_DATA: data,
      WAYBILL_LOG_LEVEL: 'error',
    };
    return this.#start(path.resolve('dist/server/main.js'), env, /listens on \S+:(\d+)/);
  }

  /**
   * The same framework with another store.
   *
   * @param packages - The folder in whose `node_modules` the store's package is.
   * @param location - Of the database: a file, or where the database server listens.
   */
  async startPeer(packages: string, store: 'sqlite' | 'postgres', location: string): Promise<BenchServer> {
    const file = await bundle('peer-koa.ts', packages);
    return this.#start(file, { PEER_STORE: store, PEER_LOCATION: location }, /port (\d+)/);
  }

  stop(): void {
    for (const child of this.#children) child.kill();
  }

  async #start(file: string, env: Readonly<Record<string, string>>, port: RegExp): Promise<BenchServer> {
    const [program, ...args] = [...this.#cores.servers, process.execPath, ...NODE_OPTIONS, file];
    const child = spawn(program, args, {
      cwd: this.#folder,
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    return {
      url: `http://127.0.0.1:${await firstMatch(child, port)}`,
      peakMb: () => peakMb(child),
      cpuTime: () => cpuTimeOf(child.pid ?? NaN),
    };
  }
}

async function bundle(entry: string, folder: string): Promise<string> {
  const outfile = path.join(folder, entry.replace(/ts$/, 'js'));
  await build({
    entryPoints: [path.join('scripts/bench/ingest', entry)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  return outfile;
}

function firstMatch(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = pattern.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error('a server of the benchmark ended early')));
  });
}

function peakMb({ pid }: ChildProcess): number {
  if (process.platform !== 'linux') return NaN;
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
}
