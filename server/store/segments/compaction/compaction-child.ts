import { setPriority } from 'node:os';
import type { CompactionTask } from './compaction-task.ts';
import { runCompaction } from './run-compaction.ts';

/** As low as it gets: requests that are being answered come first. */
const PRIORITY = 19;

/** Entry of the process that seals or merges once: takes the task, answers, and ends. */
function main(): void {
  setPriority(PRIORITY);
  // Without its owner nobody would ever look at the files.
  process.once('disconnect', () => process.exit(1));
  process.once('message', (task: CompactionTask) => {
    void runCompaction(task)
      .catch((error: unknown) => ({
        kind: 'failed',
        reason: error instanceof Error ? error.message : 'unknown error',
      }))
      .then((answer) => process.send?.(answer, () => process.disconnect()));
  });
}

main();
