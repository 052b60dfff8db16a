import type { ReadBlock } from './sealed-file.ts';
import { isRowOf } from './row-codes.ts';
import type { SealedCluster } from './sealed-index.ts';
import { compareRows, readRow, type SealedRow } from './sealed-row.ts';

const NEWLINE = 0x0a;

export type OnDamagedLine = (offset: number, reason: string) => void;

/**
 * The lines of a block that may be damaged, as far as they can be read.
 *
 * Damage of the block is reported even if all its lines have their form: a text in one of them may
 * be another one now.
 *
 * @param read - Reads a line without its newline; undefined if it is damaged.
 */
export function readableLines<Line>(
  { bytes, offset, isReported }: ReadBlock,
  read: (line: Buffer) => Line | undefined,
  onDamage: OnDamagedLine,
): readonly Line[] {
  const lines: Line[] = [];
  let isTold = isReported;
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = read(bytes.subarray(start, end));
    if (line === undefined) {
      isTold = true;
      onDamage(offset + start, 'the line is damaged');
    } else lines.push(line);
    start = end + 1;
  }
  if (!isTold) onDamage(offset, 'the checksum of these lines is wrong');
  return lines;
}

/** The rows of a cluster's block that may be damaged, in their order, as far as they can be read. */
export function readableRows(
  block: ReadBlock,
  cluster: SealedCluster,
  onDamage: OnDamagedLine,
): readonly SealedRow[] {
  const { blocks, from, to } = cluster;
  const first = blocks[block.number]?.[2] ?? from;
  const last = blocks[block.number + 1]?.[2] ?? to;
  const read = (line: Buffer): SealedRow | undefined => {
    const row = readRow(line);
    if (row === undefined || !isRowOf(row, cluster)) return undefined;
    // What is rewritten with a position of another file is not erased, and the new index counts wrong for ever.
    if (!block.isWhole && !block.mayHave(row[5])) return undefined;
    return row[0] >= first && row[0] <= last ? row : undefined;
  };
  // A damaged timestamp may still be one of this block, but at another place.
  return readableLines(block, read, onDamage).toSorted(compareRows);
}
