import { compareRows, readRow } from '../sealed/sealed-row.ts';
import { newRowParts, scanRow, type RowParts } from './row-scan.ts';

/** Where a row is: its bytes have words' slack behind all rows. */
export interface RowPlace {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly start: number;
}

const NEWLINE = 0x0a;
const partsOfA = newRowParts();
const partsOfB = newRowParts();

/** The order of two rows that have the same timestamp: by batch, then by sequence. */
export function compareTies(a: RowPlace, b: RowPlace): number {
  if (!scanRow(a.view, a.start, partsOfA) || !scanRow(b.view, b.start, partsOfB)) return compareParsed(a, b);
  return compareBatches(a.view, partsOfA, b.view, partsOfB) || partsOfA.sequence - partsOfB.sequence;
}

/** Ids of batches are ASCII, so that bytes have the order of the texts. */
function compareBatches(a: DataView, partsA: RowParts, b: DataView, partsB: RowParts): number {
  const [atA, atB] = [partsA.batchAt, partsB.batchAt];
  const lengthA = partsA.batchEnd - atA;
  const lengthB = partsB.batchEnd - atB;
  for (let index = 0; index < lengthA && index < lengthB; index++) {
    const order = a.getUint8(atA + index) - b.getUint8(atB + index);
    if (order !== 0) return order;
  }
  return lengthA - lengthB;
}

function compareParsed(a: RowPlace, b: RowPlace): number {
  const rowA = readRow(lineAt(a));
  const rowB = readRow(lineAt(b));
  return rowA === undefined || rowB === undefined ? 0 : compareRows(rowA, rowB);
}

function lineAt({ bytes, start }: RowPlace): Buffer {
  return bytes.subarray(start, bytes.indexOf(NEWLINE, start));
}
