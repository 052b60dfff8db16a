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

/** What the process answers, once. */
export type ReportAnswer =
  | {
      readonly kind: 'done';
      readonly rows: number;
      readonly bytes: number;
      readonly damage: readonly Damage[];
    }
  | { readonly kind: 'failed'; readonly reason: string };
