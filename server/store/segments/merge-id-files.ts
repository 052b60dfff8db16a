import type { FilePair, IdFileSummary } from './batch-record.ts';
import { IdCursor } from './id-cursor.ts';
import { IdFileWriter } from './id-file-writer.ts';
import { isSplitLine } from './id-line.ts';

/**
 * Merges id files into one; resolves when its contents are durable.
 *
 * Of an id that several have, a record of a stored batch wins over one of a split, and of two that were
 * stored the one of the earlier input. Memory is 2 bytes an id, and a buffer for each file.
 *
 * @throws IdFileError if an input is damaged, IdIndexError if its index is.
 */
export async function mergeIdFiles(inputs: readonly FilePair[], output: FilePair): Promise<IdFileSummary> {
  const cursors: IdCursor[] = [];
  try {
    for (const input of inputs) cursors.push(await IdCursor.open(input));
    const writer = await IdFileWriter.create(
      output,
      cursors.reduce((sum, { count }) => sum + count, 0),
    );
    try {
      await mergeInto(writer, cursors);
      return await writer.finish();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

async function mergeInto(writer: IdFileWriter, cursors: readonly IdCursor[]): Promise<void> {
  for (;;) {
    const first = lowest(cursors);
    if (first === undefined) return;
    const { id } = first;
    let { line } = first;
    for (const cursor of cursors) {
      if (cursor.id !== id) continue;
      if (isSplitLine(line)) line = cursor.line;
      const loaded = cursor.advance();
      if (loaded !== undefined) await loaded;
    }
    const written = writer.add(id, line);
    if (written !== undefined) await written;
  }
}

/** The first of the cursors whose id is the lowest; undefined if all have ended. */
function lowest(cursors: readonly IdCursor[]): IdCursor | undefined {
  let found: IdCursor | undefined;
  for (const cursor of cursors) {
    if (!cursor.hasEnded && (found === undefined || cursor.id < found.id)) found = cursor;
  }
  return found;
}
