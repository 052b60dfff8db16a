import type { CompactionAnswer, CompactionTask } from './compaction-task.ts';
import { writeIdFile } from './write-id-file.ts';
import { mergeIdFiles } from './merge-id-files.ts';
import { mergeSealed } from './merge-sealed.ts';
import { sealSegment } from './seal-segment.ts';

/** Does a task in this process. */
export async function runCompaction(task: CompactionTask): Promise<CompactionAnswer> {
  switch (task.kind) {
    case 'seal': {
      const { summary, records, damage } = await sealSegment(task);
      return { kind: 'seal', summary, ids: await writeIdFile(task.ids, records), damage };
    }
    case 'merge':
      return { kind: 'merge', ...(await mergeSealed(task)) };
    case 'merge-ids':
      return { kind: 'merge-ids', ids: await mergeIdFiles(task.inputs, task.output) };
  }
}
