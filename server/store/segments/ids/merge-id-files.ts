import type { FilePair, IdFileSummary } from '../batch-record.ts';
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
    for (const [rank, input] of inputs.entries()) cursors.push(await IdCursor.open(input, rank));
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
  // By id, and among equal ones in the order of the inputs.
  const queue = cursors.filter(({ hasEnded }) => !hasEnded).toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
  for (let first = queue[0]; first !== undefined;) {
    const { id } = first;
    let { line } = first;
    do {
      if (isSplitLine(line)) line = first.line;
      const loaded = first.advance();
      if (loaded !== undefined) await loaded;
      requeue(queue, first);
      first = queue[0];
    } while (first?.id === id);
    const written = writer.add(id, line);
    if (written !== undefined) await written;
  }
}

/** Takes the first of the queue, which has moved on, to its new place; out of it, if it has ended. */
function requeue(queue: IdCursor[], moved: IdCursor): void {
  if (moved.hasEnded) {
    queue.shift();
    return;
  }
  let at = 0;
  for (let next = queue[1]; next !== undefined && isBefore(next, moved); next = queue[at + 1]) {
    queue[at++] = next;
  }
  queue[at] = moved;
}

function isBefore(a: IdCursor, b: IdCursor): boolean {
  return a.id < b.id || (a.id === b.id && a.rank < b.rank);
}
