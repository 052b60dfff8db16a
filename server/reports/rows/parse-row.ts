import type { StoredRow } from '../../store/event-store.ts';

/** @param row - A line that a snapshot's reader has handed over. */
export function parseRow(row: string): StoredRow {
  // Readers hand over nothing else: it is part of their contract.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(row) as StoredRow;
}
