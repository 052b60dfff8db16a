import type { ReportFilter } from '../../../../shared/report.ts';
import type { Damage, StoredEvent } from '../../event-store.ts';
import type { FilePair } from '../batch-record.ts';
import { readableRows } from './readable-lines.ts';
import { SealedFile, type ReadBlock } from './sealed-file.ts';
import { codesOf, codesText, versionOf } from './row-codes.ts';
import type { ClusterName, SealedCluster } from './sealed-index.ts';
import type { RowCodes, SealedRow } from './sealed-row.ts';

const NEWLINE = 0x0a;

/**
 * The events of a sealed segment that match, those of one block at a time.
 *
 * Reads only the blocks that can have any, and of the index what it takes to find them. Within a day the events
 * come in the order of (timestamp, batch, sequence), and the days in theirs; then come those that were received on
 * days far from their own, and last those of the mixed cluster. Memory is bounded by a block and the lines of the
 * index that are looked at.
 *
 * @param position - Events of batches beyond it are left out.
 * @param onDamage - Told of what can't be read, and is then left out, and where the index is found to be damaged,
 *   which is not needed to find the rest.
 */
export async function* readSealed(
  pair: FilePair,
  filter: ReportFilter,
  position: number,
  onDamage: (damage: Damage) => void,
): AsyncGenerator<readonly StoredEvent[], void, undefined> {
  const file = await SealedFile.open(pair, onDamage);
  if (file === undefined) return;
  try {
    if (file.header !== undefined && file.header.firstPosition > position) return;
    const matcher = new RowMatcher(filter, position);
    const { customer, product, start = -Infinity, end = Infinity } = filter;
    for await (const cluster of file.clustersOf({ customer, product, start, end })) {
      if (!matcher.mayHave(cluster)) continue;
      const { offset, blocks, to } = cluster;
      const isWanted = (number: number): boolean =>
        matcher.overlaps(blocks[number]?.[2] ?? to, blocks[number + 1]?.[2] ?? to);
      for await (const block of file.blocks(offset, blocks, isWanted)) {
        const rows = block.isWhole
          ? matcher.rowsOf(block, cluster)
          : readableRows(block, cluster, (at, reason) =>
              onDamage({ path: pair.data, offset: at, reason }),
            ).filter((row) => matcher.matches(row, cluster));
        if (rows.length > 0) yield rows.map((row) => toEvent(cluster, row));
      }
    }
  } finally {
    await file.close();
  }
}

class RowMatcher {
  readonly #position: number;
  readonly #types: ReadonlySet<string> | undefined;
  readonly #from: number;
  readonly #to: number;
  readonly #codes: RowCodes;
  /** What its rows have in the mixed cluster. */
  readonly #codesText: Buffer;

  constructor(filter: ReportFilter, position: number) {
    const { customer, product, types = [], start = -Infinity, end = Infinity } = filter;
    this.#codes = { customer, product };
    this.#codesText = Buffer.from(codesText(this.#codes));
    this.#position = position;
    this.#types = types.length === 0 ? undefined : new Set(types);
    this.#from = start;
    this.#to = end;
  }

  /** Whether a cluster of the product, or the mixed one, can have any row that matches. */
  mayHave({ from, to, types }: SealedCluster): boolean {
    return (
      this.overlaps(from, to) &&
      (types === null ||
        this.#types === undefined ||
        [...this.#types].some((type) => Object.hasOwn(types, type)))
    );
  }

  /** Whether a time of interest is in a range. */
  overlaps(from: number, to: number): boolean {
    return from <= this.#to && to >= this.#from;
  }

  matches(row: SealedRow, cluster: ClusterName): boolean {
    const [timestamp, type, , , , position] = row;
    return (
      position <= this.#position &&
      timestamp >= this.#from &&
      timestamp <= this.#to &&
      (this.#types === undefined || this.#types.has(type)) &&
      (cluster.customer !== null || this.#isOf(codesOf(row, cluster)))
    );
  }

  /** The rows of a whole block that match. */
  rowsOf({ bytes }: ReadBlock, cluster: SealedCluster): readonly SealedRow[] {
    // A text has no newline of its own, so that all rows are one list of JSON.
    const list =
      cluster.customer === null
        ? this.#linesWithCodes(bytes)
        : bytes.toString('utf8', 0, bytes.length - 1).replaceAll('\n', ',');
    // The checksum says that we wrote them, and we write nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const rows = JSON.parse(`[${list}]`) as readonly SealedRow[];
    return rows.filter((row) => this.matches(row, cluster));
  }

  #isOf({ customer, product }: RowCodes): boolean {
    return customer === this.#codes.customer && product === this.#codes.product;
  }

  /** The lines that have the codes: nearly all of a block of the mixed cluster are of others. */
  #linesWithCodes(bytes: Buffer): string {
    const lines: string[] = [];
    for (let at = bytes.indexOf(this.#codesText); at >= 0;) {
      const end = bytes.indexOf(NEWLINE, at);
      lines.push(bytes.toString('utf8', bytes.lastIndexOf(NEWLINE, at) + 1, end));
      at = bytes.indexOf(this.#codesText, end);
    }
    return lines.join(',');
  }
}

function toEvent(cluster: ClusterName, row: SealedRow): StoredEvent {
  const { customer, product } = codesOf(row, cluster);
  const [timestamp, type, context, batch, sequence, position] = row;
  const version = versionOf(row);
  return version === undefined
    ? { customer, product, type, timestamp, context, batch, sequence, position }
    : { customer, product, type, timestamp, context, version, batch, sequence, position };
}
