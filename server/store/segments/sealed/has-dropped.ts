import type { FilePair } from '../batch-record.ts';
import type { RowFilter } from './merge-input.ts';
import { readableLines, readableRows } from './readable-lines.ts';
import { SealedFile } from './sealed-file.ts';
import { readSealedBatch } from './sealed-row.ts';

/** Whether a sealed segment has anything that a filter does not keep; reads no more of it than it takes to know. */
export async function hasDropped(pair: FilePair, keep: RowFilter): Promise<boolean> {
  const file = await SealedFile.open(pair, ignore, { mustRead: true });
  // Whoever rewrites it will say so.
  if (file === undefined) return true;
  try {
    for await (const cluster of file.clusters()) {
      const verdict = keep.ofCluster(cluster);
      if (verdict === 'none') return true;
      if (verdict === 'all') continue;
      for await (const block of file.blocks(cluster.offset, cluster.blocks)) {
        const rows = readableRows(block, cluster, ignore);
        if (!rows.every((row) => keep.keepsRow(row, cluster))) return true;
      }
    }
    const { batches } = file;
    if (batches === null) return false;
    for await (const block of file.blocks(batches.offset, batches.blocks)) {
      const lines = readableLines(block, readSealedBatch, ignore);
      if (!lines.every((line) => keep.ofBatch(line) === line)) return true;
    }
    return false;
  } finally {
    await file.close();
  }
}

function ignore(): void {
  // What is damaged is told of by whoever reads the segment to use it.
}
