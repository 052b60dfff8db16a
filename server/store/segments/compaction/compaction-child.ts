import { setPriority } from 'node:os';
import type { CompactionTask } from './compaction-task.ts';
import { runCompaction } from './run-compaction.ts';

/** As low as it gets: requests that are being answered come first. */
const PRIORITY = 19;

/** Entry of the process that seals and merges: takes one task after the other, and answers each. */
function main(): void {
  setPriority(PRIORITY);
  // Without its owner nobody would ever look at the files.
  process.once('disconnect', () => process.exit(1));
  process.on('message', (task: CompactionTask) => {
    void runCompaction(task)
      .catch((error: unknown) => ({
        kind: 'failed',
        reason: error instanceof Error ? error.message : 'unknown error',
      }))
      .then((answer) => process.send?.(answer));
  });
}

main();
