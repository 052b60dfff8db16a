import { createHash } from 'node:crypto';
import { open, readFile, rename, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { csvRow } from '../../shared/csv-row.ts';
import { openSnapshot } from '../store/open-store.ts';
import type { Damage, RowSink } from '../store/event-store.ts';
import { syncDirectory } from '../sync-directory.ts';
import { writeAt } from '../write-at.ts';
import type { ReportAdvance, ReportTask, WrittenReport } from './report-task.ts';
import { RowLayout } from './row-layout.ts';

const BUFFER_UNITS = 262_144;
const MAX_DAMAGE_REPORTS = 100;

/**
 * Writes a report to a temporary file, makes it durable and gives it its name.
 *
 * Rows are written as they are read, so memory does not grow with the store or the result.
 *
 * @param onAdvance - Told from time to time how far it is.
 */
export async function writeReport(
  task: ReportTask,
  onAdvance: (advance: ReportAdvance) => void = () => undefined,
): Promise<WrittenReport> {
  const temporary = `${task.path}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    let extra = 0;
    let written = await writeRows(file, task, extra);
    if (written.extra > extra) {
      // Values without a column of the catalog's: now that their number is known, begin again.
      extra = written.extra;
      await file.truncate(0);
      written = await writeRows(file, task, extra);
    }
    await file.sync();
    await file.close();
    await rename(temporary, task.path);
    await syncDirectory(path.dirname(task.path));
    onAdvance({ kind: 'progress', scanned: 0, total: 0, rows: written.rows });
    const sha256 = createHash('sha256')
      .update(await readFile(task.path))
      .digest('hex');
    return { ...written, sha256 };
  } catch (error) {
    // The file may be closed already, or gone: the first error is the one to tell.
    await file.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

async function writeRows(
  file: FileHandle,
  { path: scratch, snapshot, filter, output, columns }: ReportTask,
  extra: number,
): Promise<Omit<WrittenReport, 'sha256'> & { readonly extra: number }> {
  const layout = new RowLayout(columns, extra);
  const damage: Damage[] = [];
  let rows = 0;
  let bytes = 0;
  let buffer = output.header ? csvRow(layout.header, output) : '';
  const flush = async (): Promise<void> => {
    const chunk = Buffer.from(buffer);
    buffer = '';
    await writeAt(file, chunk, bytes);
    bytes += chunk.length;
  };
  const sink: RowSink = {
    add: (lines, start, end) => {
      for (const line of lines.toString('utf8', start, end - 1).split('\n')) {
        // The store promises rows of this form.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        const [timestamp, type, context] = JSON.parse(line) as readonly [
          number,
          string,
          readonly (string | null)[],
        ];
        buffer += csvRow(layout.row({ timestamp, type, context }), output);
        rows++;
      }
    },
    drained: () => (buffer.length >= BUFFER_UNITS ? flush() : undefined),
  };
  const onDamage = (found: Damage): void => {
    if (damage.length < MAX_DAMAGE_REPORTS) damage.push(found);
  };
  await openSnapshot(snapshot).readRows(filter, sink, { onDamage, scratchPath: `${scratch}.scratch` });
  await flush();
  return { rows, bytes, damage, extra: layout.neededExtra };
}
