import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

/** What to put before the commands of a benchmark, to say where they run. */
export interface Cores {
  readonly servers: readonly string[];
  readonly load: readonly string[];
}

/** Wherever the system puts them. */
export const ANY_CORES: Cores = { servers: [], load: [] };

/**
 * Every server with all its processes on the first core, the load generator on the others.
 *
 * @throws If there is only one core, or no `taskset`.
 */
export function oneCoreEach(): Cores {
  const last = cpus().length - 1;
  if (last === 0 || spawnSync('taskset', ['-V']).error !== undefined)
    throw new Error('to keep the servers on one core takes two cores, and taskset');
  return { servers: ['taskset', '-c', '0'], load: ['taskset', '-c', `1-${last}`] };
}
