import { readableRows } from '../sealed/readable-lines.ts';
import type { ReadBlock } from '../sealed/sealed-file.ts';
import { MIXED, type ClusterName, type SealedCluster } from '../sealed/sealed-index.ts';
import { findNewline } from '../../../words.ts';
import type { BlockInfo } from './block-table.ts';
import { rowLine, type RowDoubts, type RowFilter } from './row-filter.ts';
import { firstLater, firstNotEarlier } from './row-search.ts';

const NEWLINE = 0x0a;

/** Told of a line that is no row. */
export type OnBadLine = (at: number) => void;

/** Leaves of the rows of blocks those that a report gets. */
export class BlockRows {
  readonly #filter: RowFilter;
  readonly #cluster: ClusterName;
  readonly #doubtsBatches: boolean;
  readonly #onBadLine: OnBadLine;

  constructor(filter: RowFilter, cluster: ClusterName, doubtsBatches: boolean, onBadLine: OnBadLine) {
    this.#filter = filter;
    this.#cluster = cluster;
    this.#doubtsBatches = doubtsBatches;
    this.#onBadLine = onBadLine;
  }

  /**
   * Leaves of the rows of a whole block those that are wanted, and moves them to a place before them, or where they are.
   *
   * @param view - Of the bytes, which have words' slack behind.
   * @param to - At most `start`.
   * @returns Where the wanted ones end.
   */
  keep(bytes: Buffer, view: DataView, start: number, end: number, block: BlockInfo, to: number): number {
    const { start: from, end: until } = this.#filter;
    const first = block.first < from ? firstNotEarlier({ bytes, start, end }, from) : start;
    const last = block.last > until ? firstLater({ bytes, start: first, end }, until) : end;
    if (this.#cluster.customer === null) return this.#keepOwn(bytes, view, first, last, block, to);
    if (block.hasOtherTypes || this.#doubtsBatches)
      return this.#keepWanted(bytes, view, first, last, block, to);
    return moved(bytes, first, last, to);
  }

  /** The rows that are wanted of those that can be read in a block that is not whole, as lines. */
  readable(block: ReadBlock, info: BlockInfo, onDamage: (offset: number, reason: string) => void): Buffer {
    const cluster = asCluster(this.#cluster, info);
    const rows = readableRows(block, cluster, onDamage);
    return Buffer.from(
      rows
        .filter((row) => this.#filter.wantsRow(row, cluster))
        .map(rowLine)
        .join(''),
    );
  }

  #keepWanted(
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
    block: BlockInfo,
    to: number,
  ): number {
    const doubts = this.#doubtsOf(block);
    let kept = to;
    // Rows that are kept side by side are moved together.
    let span = start;
    for (let at = start; at < end;) {
      const newline = findNewline(view, at, end);
      if (!this.#isWanted(bytes, view, at, newline, doubts)) {
        kept = moved(bytes, span, at, kept);
        span = newline + 1;
      }
      at = newline + 1;
    }
    return moved(bytes, span, end, kept);
  }

  /** The same of a mixed cluster: nearly all rows are of others, and the others lose their codes. */
  #keepOwn(bytes: Buffer, view: DataView, start: number, end: number, block: BlockInfo, to: number): number {
    const { codes } = this.#filter;
    const doubts = this.#doubtsOf(block);
    let kept = to;
    for (let at = bytes.indexOf(codes, start); at >= 0 && at < end;) {
      const rowAt = Math.max(start, bytes.lastIndexOf(NEWLINE, at) + 1);
      const newline = bytes.indexOf(NEWLINE, at);
      if (this.#isWanted(bytes, view, rowAt, newline, doubts)) {
        // With the comma before them.
        kept = moved(bytes, rowAt, at - 1, kept);
        kept = moved(bytes, at + codes.length, newline + 1, kept);
      }
      at = bytes.indexOf(codes, newline);
    }
    return kept;
  }

  #doubtsOf({ hasOtherTypes }: BlockInfo): RowDoubts {
    return { types: hasOtherTypes, batches: this.#doubtsBatches };
  }

  #isWanted(bytes: Buffer, view: DataView, at: number, end: number, doubts: RowDoubts): boolean {
    const isWanted = this.#filter.wants(bytes, view, at, end, this.#cluster, doubts);
    if (isWanted === undefined) this.#onBadLine(at);
    return isWanted ?? false;
  }
}

/** Moves bytes down; returns where they end. */
function moved(bytes: Buffer, start: number, end: number, to: number): number {
  if (start !== to && start < end) bytes.copyWithin(to, start, end);
  return to + end - start;
}

/** A cluster of one block, for whoever reads its lines one by one. */
function asCluster(name: ClusterName, { offset, bytes, first, last }: BlockInfo): SealedCluster {
  const rows = { offset, bytes, rows: 0, from: first, to: last, blocks: [], types: null };
  return name.customer === null ? { ...MIXED, ...rows } : { ...name, ...rows };
}
