import type { BatchRecord, FilePair, IdFileSummary } from '../batch-record.ts';
import { firstWord } from './batch-key.ts';
import { IdFileWriter } from './id-file-writer.ts';
import { encodeIdLine } from './id-line.ts';

/** By which 32 bits and a place below it are one number, and still an exact one. */
const MAX_SCALE = 2 ** 21;

type IdRecord = readonly [id: string, record: BatchRecord];

/**
 * Writes an id file of records in any order; resolves when its contents are durable.
 *
 * Of an id that comes more than once, a record of a stored batch wins over one of a split, and the
 * earlier of two that were stored.
 */
export async function writeIdFile(pair: FilePair, records: readonly IdRecord[]): Promise<IdFileSummary> {
  const writer = await IdFileWriter.create(pair, records.length);
  try {
    for (const [id, record] of distinct(records)) {
      const written = writer.add(id, encodeIdLine(id, record));
      if (written !== undefined) await written;
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/**
 * What counts of each id, in the order of the ids.
 *
 * Where a segment has a million ids, comparing texts all over the heap takes longer than all of sealing. So the first
 * 32 bits of each id are sorted, with its place, as one number, and texts are compared only where those are the same.
 */
function* distinct(records: readonly IdRecord[]): Generator<IdRecord, void, undefined> {
  const scale = 2 ** Math.ceil(Math.log2(records.length + 1));
  if (scale > MAX_SCALE) {
    yield* withoutCopies(records.toSorted(compareIds));
    return;
  }
  const keys = new Float64Array(records.length);
  for (const [place, [id]] of records.entries()) keys[place] = firstWord(id) * scale + place;
  keys.sort();
  for (let start = 0; start < keys.length;) {
    const first = Math.floor((keys[start] ?? 0) / scale);
    const limit = (first + 1) * scale;
    let end = start + 1;
    while (end < keys.length && (keys[end] ?? 0) < limit) end++;
    const alone = records[(keys[start] ?? 0) - first * scale];
    if (end === start + 1 && alone !== undefined) yield alone;
    else {
      const same = Array.from(keys.subarray(start, end), (key) => records[key - first * scale]);
      yield* withoutCopies(same.filter((record) => record !== undefined).toSorted(compareIds));
    }
    start = end;
  }
}

/** @param sorted - By id; copies as they came. */
function* withoutCopies(sorted: readonly IdRecord[]): Generator<IdRecord, void, undefined> {
  let held: IdRecord | undefined;
  for (const next of sorted) {
    if (held?.[0] !== next[0]) {
      if (held !== undefined) yield held;
      held = next;
    } else if (held[1] === 'split') {
      held = next;
    }
  }
  if (held !== undefined) yield held;
}

/** By index: destructuring costs a third of the time of this whole file. */
function compareIds(a: IdRecord, b: IdRecord): number {
  return a[0] < b[0] ? -1 : Number(a[0] > b[0]);
}
