import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFull } from '../disk-errors.ts';
import { systemCode } from '../errors.ts';
import type { ReportAdvance, ReportAnswer, ReportTask } from './report-task.ts';
import { ReportDamagedError, writeReport } from './report-writer.ts';

/** Beside this entry, built. */
const BUILT = {
  kernelPath: pathOf('rows.wasm'),
  threads: { digest: pathOf('digest-thread.js'), log: pathOf('log-thread.js') },
};

/** Entry of the process that makes one report: takes the task, says how far it is, answers once, and ends. */
function main(): void {
  // Without its owner nobody would ever look at the file.
  process.once('disconnect', () => process.exit(1));
  process.once('message', (task: ReportTask) => {
    void makeReport(task).then((answer) => process.send?.(answer, () => process.disconnect()));
  });
}

async function makeReport(task: ReportTask): Promise<ReportAnswer> {
  try {
    return { kind: 'done', ...(await writeReport(task, { onAdvance: tell, ...BUILT })) };
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error) };
  }
}

function pathOf(file: string): string {
  return path.resolve(path.dirname(fileURLToPath(import.meta.url)), file);
}

function tell(advance: ReportAdvance): void {
  process.send?.(advance);
}

function reasonOf(error: unknown): string {
  if (isFull(error)) return 'the disk is full: free some space and ask again';
  if (error instanceof ReportDamagedError) return error.message;
  const code = systemCode(error);
  return `the report could not be written (${code ?? (error instanceof Error ? error.message : 'unknown error')})`;
}

main();
