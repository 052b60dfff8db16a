import { isRecord } from '../../../../shared/text.ts';
import { checkedFields, encodeCheckedLine, fieldsText, intactFields } from '../checked-line.ts';
import { parseDay } from './sealed-day.ts';

/** Whole rows that are read together: bytes, CRC-32 in hex, and the first row's timestamp. */
export type SealedBlock = readonly [bytes: number, checksum: string, first: number];

/** In the place of a checksum, where there is no index that could say it. */
export const UNKNOWN_CHECKSUM = '';

/** What the rows of a cluster have in common. */
export interface OwnCluster {
  readonly customer: string;
  readonly product: string;
  /** UTC day like `2026-11-01`; null for events far from the day they were received on. */
  readonly day: string | null;
}

/** The last cluster of a file: rows of any customer, product and day, which say so themselves. */
export interface MixedCluster {
  readonly customer: null;
  readonly product: null;
  readonly day: null;
}

export const MIXED: MixedCluster = { customer: null, product: null, day: null };

export type ClusterName = OwnCluster | MixedCluster;

/** Where adjacent rows are, in the order of (timestamp, batch, sequence). */
interface ClusterRows {
  /** Of its first row in the data file; `bytes` of rows follow. */
  readonly offset: number;
  readonly bytes: number;
  readonly rows: number;
  /** Lowest and highest timestamp. */
  readonly from: number;
  readonly to: number;
  readonly blocks: readonly SealedBlock[];
}

export type SealedCluster = ClusterName &
  ClusterRows & {
    /** Rows of each type; null if there are more types than an index should name. */
    readonly types: Readonly<Record<string, number>> | null;
  };

/** A cluster as the index has it: the types are in the order of the header's, which names them once. */
export type ClusterLine = ClusterName &
  ClusterRows & {
    /** How many rows have each, up to the last that there is; null if there are too many to be named. */
    readonly types: readonly number[] | null;
  };

/** Where the lines about batches are; a block's last number is its first line's position. */
export interface SealedBatches {
  readonly offset: number;
  readonly bytes: number;
  readonly blocks: readonly SealedBlock[];
}

/** The first line of a sealed segment's index. */
export interface SealedIndexHeader {
  readonly kind: 'sealed-index';
  readonly rows: number;
  /** Of the data file. */
  readonly bytes: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Batches whose lines were sealed, those without any row too. */
  readonly lines: number;
  readonly clusters: number;
  /** That the last cluster is the mixed one; absent if there is none. */
  readonly mixed?: true;
  /** Names of the types, for the clusters. */
  readonly types: readonly string[];
  readonly batches: SealedBatches | null;
}

/** The order of clusters in a file: by customer and product, in UTF-16 units, and by day; the mixed one comes last. */
export function compareClusters(a: ClusterName, b: ClusterName): number {
  if (a.customer === null || b.customer === null)
    return Number(a.customer === null) - Number(b.customer === null);
  if (a.customer !== b.customer) return a.customer < b.customer ? -1 : 1;
  if (a.product !== b.product) return a.product < b.product ? -1 : 1;
  // Two stray ones are Infinity both, whose difference is no number.
  return a.day === b.day ? 0 : parseDay(a.day) - parseDay(b.day);
}

/** The name of a cluster, of whatever else is known of it. */
export function nameOf(cluster: ClusterName): ClusterName {
  if (cluster.customer === null) return MIXED;
  const { customer, product, day } = cluster;
  return { customer, product, day };
}

/** A checked line of any fields. */
export function encodeLine(fields: object): Buffer {
  return encodeCheckedLine([Buffer.from(JSON.stringify(fields).slice(1))]);
}

/** The first line of every data file. */
export const FIRST_LINE = encodeLine({ kind: 'sealed' });

/** The line of a data file behind which lines about batches follow. */
export const BATCHES_LINE = encodeLine({ kind: 'batches' });

/** The fields of a checked line, or undefined if it is damaged. */
export function parseLine(line: Buffer): unknown {
  const fields = checkedFields(line);
  return fields === undefined ? undefined : JSON.parse(fieldsText(fields));
}

/** The same, but undefined also if the version is damaged: for an index, which the data can do without, and to check. */
export function parseIndexLine(line: Buffer): unknown {
  const fields = intactFields(line);
  return fields === undefined ? undefined : JSON.parse(fieldsText(fields));
}

export function isIndexHeader(value: unknown): value is SealedIndexHeader {
  return isRecord(value) && value['kind'] === 'sealed-index';
}

export function isCluster(value: unknown): value is ClusterLine {
  return isClusterName(value) && 'blocks' in value;
}

/** @param names - From the index's header. */
export function namedCluster({ types, ...cluster }: ClusterLine, names: readonly string[]): SealedCluster {
  if (types === null) return { ...cluster, types };
  const entries = types.map((rows, number) => [names[number] ?? '', rows] as const);
  // Unlike an assignment this makes `__proto__` a field like any other.
  return { ...cluster, types: Object.fromEntries(entries.filter(([, rows]) => rows > 0)) };
}

export function isClusterName(value: unknown): value is ClusterName {
  return isRecord(value) && 'customer' in value && 'day' in value;
}

export function isKind(value: unknown, kind: string): boolean {
  return isRecord(value) && value['kind'] === kind;
}
