import { measureClientSizes } from '../client-sizes.ts';
import { printTable } from './table.ts';

/** Prints what a visitor loads, against what it is to come down to. */
export async function benchSizes(): Promise<void> {
  const rows = (await measureClientSizes()).map(({ what, files, bytes, goalBytes }) => [
    `${what} (${files.join(' + ')})`,
    bytes.toLocaleString('en'),
    goalBytes.toLocaleString('en'),
    (bytes / goalBytes).toFixed(2),
  ]);
  printTable('Browser files, bytes of gzip -9', [['', 'bytes', 'goal', 'ratio'], ...rows]);
}
