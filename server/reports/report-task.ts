import type { ReportFilter, ReportOutput } from '../../shared/report.ts';
import type { ProductColumns } from '../catalog/catalog.ts';
import type { Damage, StoreSnapshot } from '../store/event-store.ts';

/** What a report's process is told: everything that it needs, as plain JSON. */
export interface ReportTask {
  readonly snapshot: StoreSnapshot;
  readonly filter: ReportFilter;
  readonly output: ReportOutput;
  readonly columns: ProductColumns;
  /** The file to make; it appears only when it is whole. */
  readonly path: string;
}

/** What the process says while it works. */
export interface ReportAdvance {
  readonly kind: 'progress';
  /** Bytes of the store that have been read. */
  readonly scanned: number;
  /** Bytes of the store that have to be read; 0 while that is not known. */
  readonly total: number;
  readonly rows: number;
}

/** What has become of a report. */
export interface WrittenReport {
  readonly rows: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Of the file, in hex. */
  readonly sha256: string;
  /** What could not be read, the first 100. */
  readonly damage: readonly Damage[];
}

/** What the process answers, once. */
export type ReportAnswer =
  ({ readonly kind: 'done' } & WrittenReport) | { readonly kind: 'failed'; readonly reason: string };
