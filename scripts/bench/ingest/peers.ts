import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cores } from '../cores.ts';
import type { CpuTime } from './cpu-time.ts';
import { startPostgres } from './postgres.ts';
import type { BenchServers } from './servers.ts';
import type { Variant } from './variants.ts';

/** Kept between runs; npm asks the registry only for what is missing. */
const FOLDER = path.resolve('dist/bench/peers/ingest');

/** better-sqlite3 13 crashes on Node 20. */
const PACKAGES = ['better-sqlite3@12.11.1', 'pg@8.23.1'];

export interface Peers {
  readonly variants: readonly Variant[];
  stop(): Promise<void>;
}

/**
 * Installs other stores for the bench alone, and starts the baseline's app with each.
 *
 * @param folder - For their data, on the same disk as ours.
 * @throws If they can't be installed.
 */
export async function startPeers(servers: BenchServers, folder: string, cores: Cores): Promise<Peers> {
  await mkdir(FOLDER, { recursive: true });
  // Without it, npm would take the project's own for the one to change.
  await writeFile(path.join(FOLDER, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const flags = ['--prefix', FOLDER, '--no-audit', '--no-fund', '--prefer-offline'];
  const { error, status } = spawnSync('npm', ['install', ...flags, ...PACKAGES], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (error !== undefined || status !== 0) throw new Error('npm could not install the other stores');
  const postgres = await startPostgres(path.join(folder, 'postgres'), cores);
  try {
    const sqlite = await servers.startPeer(FOLDER, 'sqlite', path.join(folder, 'events.sqlite'));
    const app = await servers.startPeer(FOLDER, 'postgres', postgres.socket);
    // SQLite works in the app's own process.
    const cpuTime = (): CpuTime => {
      const { own, all } = app.cpuTime();
      return { own, all: all + postgres.cpuTime().all };
    };
    return {
      variants: [
        { name: 'sqlite', server: sqlite, prefer: undefined },
        { name: 'postgres', server: { ...app, cpuTime }, prefer: undefined },
      ],
      stop: () => postgres.stop(),
    };
  } catch (failure) {
    await postgres.stop();
    throw failure;
  }
}
