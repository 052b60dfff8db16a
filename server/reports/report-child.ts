import { isFull } from '../disk-errors.ts';
import { systemCode } from '../errors.ts';
import type { ReportAnswer, ReportTask } from './report-task.ts';
import { writeReport } from './report-writer.ts';

/** Entry of the process that makes one report: takes the task, answers once, and ends. */
function main(): void {
  // Without its owner nobody would ever look at the file.
  process.once('disconnect', () => process.exit(1));
  process.once('message', (task: ReportTask) => {
    void makeReport(task).then((answer) => process.send?.(answer, () => process.disconnect()));
  });
}

async function makeReport(task: ReportTask): Promise<ReportAnswer> {
  try {
    const written = await writeReport(task, (advance) => process.send?.(advance));
    return { kind: 'done', ...written };
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (isFull(error)) return 'the disk is full: free some space and ask again';
  const code = systemCode(error);
  return `the report could not be written (${code ?? (error instanceof Error ? error.message : 'unknown error')})`;
}

main();
