import type { CompactionAnswer, CompactionTask } from './compaction-task.ts';
import { writeIdFile } from '../ids/write-id-file.ts';
import { KeptRows } from './kept-rows.ts';
import { mergeIdFiles } from '../ids/merge-id-files.ts';
import { hasDropped } from '../sealed/has-dropped.ts';
import { mergeSealed } from '../sealed/merge-sealed.ts';
import { sealSegment } from '../sealed/seal-segment.ts';

/** Does a task in this process. */
export async function runCompaction(task: CompactionTask): Promise<CompactionAnswer> {
  switch (task.kind) {
    case 'seal': {
      const { summary, notes, records, damage } = await sealSegment(task);
      return { kind: 'seal', summary, notes, ids: await writeIdFile(task.ids, records), damage };
    }
    case 'merge': {
      const { inputs, output, without } = task;
      const [alone] = inputs.length === 1 ? inputs : [];
      // Most segments have nothing of a user who is erased, and need not be written again.
      const seen = new KeptRows(without);
      if (alone !== undefined && !(await hasDropped(alone, seen)))
        return { kind: 'unchanged', notes: seen.notes };
      const keep = new KeptRows(without);
      const { summary, damage, damaged } = await mergeSealed({ inputs, output, keep });
      return { kind: 'merge', summary, notes: keep.notes, damage, damaged, erased: keep.erased };
    }
    case 'merge-ids':
      return { kind: 'merge-ids', ids: await mergeIdFiles(task.inputs, task.output) };
  }
}
