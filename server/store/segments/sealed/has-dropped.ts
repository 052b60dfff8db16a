import type { FilePair } from '../batch-record.ts';
import type { RowFilter } from './merge-input.ts';
import { readableLines, readableRows } from './readable-lines.ts';
import { SealedFile } from './sealed-file.ts';
import { readSealedBatch } from './sealed-row.ts';

/**
 * Whether a sealed segment has anything that a filter does not keep, or damage where that could be; reads no more
 * of it than it takes to know.
 */
export async function hasDropped(pair: FilePair, keep: RowFilter): Promise<boolean> {
  let isDamaged = false;
  // Damage may be of what is to go: whoever rewrites the segment keeps it aside.
  const onDamage = (): void => {
    isDamaged = true;
  };
  const file = await SealedFile.open(pair, onDamage, { mustRead: true });
  if (file === undefined) return true;
  try {
    for await (const cluster of file.clusters()) {
      const verdict = keep.ofCluster(cluster);
      if (verdict === 'none') return true;
      if (verdict === 'all') continue;
      for await (const block of file.blocks(cluster.offset, cluster.blocks)) {
        const rows = readableRows(block, cluster, onDamage);
        if (!rows.every((row) => keep.keepsRow(row, cluster))) return true;
      }
    }
    const { batches } = file;
    if (batches === null) return isDamaged;
    for await (const block of file.blocks(batches.offset, batches.blocks)) {
      const lines = readableLines(block, readSealedBatch, onDamage);
      if (!lines.every((line) => keep.ofBatch(line) === line)) return true;
    }
    return isDamaged;
  } finally {
    await file.close();
  }
}
