import type { ClusterName } from './sealed-index.ts';
import type { RowCodes, SealedRow } from './sealed-row.ts';

/** Whose a row is: its cluster says it, or in the mixed one the row itself. */
export function codesOf(row: SealedRow, cluster: ClusterName): RowCodes {
  if (cluster.customer !== null) return cluster;
  const codes = codesIn(row);
  if (codes === undefined) throw new Error('a row of the mixed cluster has no codes');
  return codes;
}

/** The version of a row's event: null or undefined where the event's is. */
export function versionOf(row: SealedRow): string | null | undefined {
  const [, , , , , , , , versionOrCodes, version] = row;
  return typeof versionOrCodes === 'object' && versionOrCodes !== null ? version : versionOrCodes;
}

/** Whether a row can be one of a cluster: those of the mixed one have codes, and no others. */
export function isRowOf(row: SealedRow, cluster: ClusterName): boolean {
  return (codesIn(row) === undefined) === (cluster.customer !== null);
}

/** What the rows of a customer and product have in the mixed cluster, and no others. */
export function codesText({ customer, product }: RowCodes): string {
  return JSON.stringify({ customer, product });
}

function codesIn(row: SealedRow): RowCodes | undefined {
  const [, , , , , , , , codes] = row;
  return typeof codes === 'object' && codes !== null ? codes : undefined;
}
