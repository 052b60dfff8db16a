import type { ReportFilter } from '../../../../shared/report.ts';
import { erasureOf, type Erasure } from '../../erasure.ts';
import type { StoreSnapshot } from '../../event-store.ts';
import { codesOf, codesText, versionOf } from '../sealed/row-codes.ts';
import { itemEnd } from '../sealed/scan-event.ts';
import type { ClusterName } from '../sealed/sealed-index.ts';
import { readRow, type SealedRow } from '../sealed/sealed-row.ts';
import { findType, newRowParts, scanRow } from './row-scan.ts';
import { TextSet } from './text-set.ts';

/** What rows have to be looked at for; the time is not among it, by which they are in order. */
export interface RowDoubts {
  readonly types: boolean;
  /** Whether some may be of batches behind the snapshot, or erased. */
  readonly batches: boolean;
}

/** Says which rows a report gets. */
export class RowFilter {
  readonly customer: string;
  readonly product: string;
  /** The first and the last time that counts. */
  readonly start: number;
  readonly end: number;
  readonly position: number;
  /** Bytes that all rows of the product have in a mixed cluster, and no others. */
  readonly codes: Buffer;
  readonly #types: ReadonlySet<string> | undefined;
  readonly #typeTexts: TextSet;
  /** Those of the customer. */
  readonly #erasures: readonly Erasure[];
  readonly #parts = newRowParts();

  constructor(
    { customer, product, types = [], start = 0, end = Infinity }: ReportFilter,
    snapshot: StoreSnapshot,
  ) {
    this.customer = customer;
    this.product = product;
    this.start = Math.max(start, snapshot.expiredBefore);
    this.end = end;
    this.position = snapshot.position;
    this.codes = Buffer.from(codesText({ customer, product }));
    this.#types = types.length === 0 ? undefined : new Set(types);
    this.#typeTexts = new TextSet(this.#types ?? []);
    this.#erasures = snapshot.erasures.filter((erasure) => erasure.customer === customer);
  }

  /** Whether a time that counts is in a range. */
  overlaps(from: number, to: number): boolean {
    return from <= this.end && to >= this.start;
  }

  /** What types there are of those that are counted: of wanted ones, and of others. */
  typesIn(counts: Readonly<Record<string, number>> | null): {
    readonly some: boolean;
    readonly others: boolean;
  } {
    const types = this.#types;
    if (types === undefined) return { some: true, others: false };
    if (counts === null) return { some: true, others: true };
    const names = Object.keys(counts);
    return { some: names.some((name) => types.has(name)), others: !names.every((name) => types.has(name)) };
  }

  /** Whether rows of batches in a range of positions have to be looked at for their batch. */
  doubtsBatches(firstPosition: number, lastPosition: number): boolean {
    return lastPosition > this.position || this.#erasures.some(({ position }) => firstPosition <= position);
  }

  /** Whether a type is wanted. @param view - Has its text, and words' slack behind. */
  wantsType(view: DataView, at: number, length: number): boolean {
    return this.#types === undefined || this.#typeTexts.has(view, at, length);
  }

  /**
   * Whether a row of the product, whose time counts, is wanted; undefined if it is no row.
   *
   * @param view - Of the bytes, which have words' slack behind.
   * @param end - Behind the row, which is without its newline.
   */
  wants(
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
    cluster: ClusterName,
    doubts: RowDoubts,
  ): boolean | undefined {
    const parts = this.#parts;
    if (!doubts.batches) {
      const typeAt = findType(view, start);
      const typeEnd = typeAt < 0 ? -1 : itemEnd(view, typeAt);
      if (typeEnd >= 0) return !doubts.types || this.wantsType(view, typeAt, typeEnd - typeAt);
    } else if (scanRow(view, start, parts)) {
      if (doubts.types && !this.wantsType(view, parts.typeAt, parts.typeEnd - parts.typeAt)) return false;
      if (parts.position > this.position) return false;
      if (!this.mayBeErased(parts.timestamp, parts.position)) return true;
    }
    const row = readRow(bytes.subarray(start, end));
    return row === undefined ? undefined : this.wantsRow(row, cluster);
  }

  /** Whether a row of any cluster is wanted. */
  wantsRow(row: SealedRow, cluster: ClusterName): boolean {
    const [timestamp, type, context, , , position] = row;
    const codes = codesOf(row, cluster);
    return (
      codes.customer === this.customer &&
      codes.product === this.product &&
      this.wantsEvent({ type, timestamp, context }, position)
    );
  }

  /** Whether an event of the product is wanted. */
  wantsEvent(
    event: {
      readonly type: string;
      readonly timestamp: number;
      readonly context: readonly (string | null)[];
    },
    position: number,
  ): boolean {
    const { customer, product } = this;
    const { type, timestamp } = event;
    return (
      position <= this.position &&
      timestamp >= this.start &&
      timestamp <= this.end &&
      (this.#types === undefined || this.#types.has(type)) &&
      erasureOf(this.#erasures, { customer, product, ...event }, position) === undefined
    );
  }

  /** Whether it takes a look at an event to know that it is not erased. */
  mayBeErased(timestamp: number, position: number): boolean {
    return this.#erasures.some(
      (erasure) => position <= erasure.position && timestamp < (erasure.before ?? Infinity),
    );
  }
}

/** A row as a report gets it: without codes. */
export function rowLine(row: SealedRow): string {
  const [timestamp, type, context, batch, sequence, position, received, skew] = row;
  const version = versionOf(row);
  const items = [timestamp, type, context, batch, sequence, position, received, skew];
  return `${JSON.stringify(version === undefined ? items : [...items, version])}\n`;
}
