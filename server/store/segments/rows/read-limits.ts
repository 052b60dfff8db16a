import type { SorterLimits } from './row-sorter.ts';

/** What a report takes of memory and open files, whatever the store and the result come to. */
export interface ReadLimits extends SorterLimits {
  /** Clusters that are merged at once, each with `readBytes` and an open file. */
  readonly maxRuns: number;
  /** Bytes of a sealed segment that are read at once, if its blocks are not larger. */
  readonly readBytes: number;
  /** Bytes of a log segment that are read at once, if its lines are not longer: here, and three times by a thread. */
  readonly logChunkBytes: number;
  /** Bytes of log segments behind the first one from which on a thread is worth its start. */
  readonly logThreadBytes: number;
}

export const READ_LIMITS: ReadLimits = {
  maxRuns: 32,
  readBytes: 270_336,
  logChunkBytes: 655_360,
  logThreadBytes: 134_217_728,
  arenaBytes: 4 * 1_048_576,
  arenaRows: 65_536,
  maxSpilledRuns: 32,
};
