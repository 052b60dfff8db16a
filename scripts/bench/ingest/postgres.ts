import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Cores } from '../cores.ts';
import { cpuTimeOf, type CpuTime } from './cpu-time.ts';

/** Where Debian puts each version's programs. */
const VERSIONS = '/usr/lib/postgresql';

export interface Postgres {
  /** The folder of its socket. */
  readonly socket: string;
  /** The folder of its programs. */
  readonly programs: string;
  /** What its processes have taken of the processors so far. */
  cpuTime(): CpuTime;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL of its own, with the settings that it comes with: every commit is flushed
 * (`synchronous_commit`, `fsync`).
 *
 * @param folder - To be made, or with the cluster of an earlier start; nobody but root and the user `postgres` needs
 *   to reach it.
 * @param cores - Where its processes run.
 * @throws If it is not installed and can't be.
 */
export async function startPostgres(folder: string, cores: Cores): Promise<Postgres> {
  const programs = findPrograms() ?? installPrograms();
  const isRoot = process.getuid?.() === 0;
  const isNew = (await mkdir(folder, { recursive: true })) !== undefined;
  if (isRoot) {
    // It refuses to run as root; its user has to get through the folder above.
    chmodSync(path.dirname(folder), 0o711);
    await chown(folder, idOf('-u'), idOf('-g'));
  }
  const data = path.join(folder, 'data');
  const run = (program: string, args: readonly string[]): void => {
    const user = isRoot ? ['runuser', '-u', 'postgres', '--'] : [];
    const [file = '', ...rest] = [...cores.servers, ...user, path.join(programs, program), ...args];
    const { status, stderr } = spawnSync(file, rest, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  };
  // A benchmark that was killed has left it running.
  if (existsSync(path.join(data, 'postmaster.pid'))) stopLeftOver(() => run('pg_ctl', stopArgs(data)));
  if (isNew) run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-instructions']);
  const options = `-c listen_addresses= -c unix_socket_directories=${folder} -c synchronous_commit=on`;
  run('pg_ctl', ['-D', data, '-w', '-l', path.join(folder, 'log'), '-o', options, 'start']);
  // Its first line is the id of the process that all others are children of.
  const pid = Number.parseInt(readFileSync(path.join(data, 'postmaster.pid'), 'utf8'), 10);
  return {
    socket: folder,
    programs,
    cpuTime: () => cpuTimeOf(pid),
    stop: () => {
      run('pg_ctl', stopArgs(data));
      return Promise.resolve();
    },
  };
}

function stopArgs(data: string): readonly string[] {
  return ['-D', data, '-m', 'fast', '-w', 'stop'];
}

function stopLeftOver(stopIt: () => void): void {
  try {
    stopIt();
  } catch {
    // It has ended without removing its file: the start finds that out.
  }
}

/** The folder of the newest version's programs. */
function findPrograms(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const newest = readdirSync(VERSIONS)
    .toSorted((a, b) => Number(a) - Number(b))
    .at(-1);
  const programs = path.join(VERSIONS, newest ?? '', 'bin');
  return existsSync(path.join(programs, 'initdb')) ? programs : undefined;
}

function installPrograms(): string {
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', 'postgresql'],
    ])
      spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
  }
  const programs = findPrograms();
  if (programs === undefined)
    throw new Error("PostgreSQL is not installed; Debian has it in the package 'postgresql'");
  return programs;
}

function idOf(flag: '-u' | '-g'): number {
  return Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
}
