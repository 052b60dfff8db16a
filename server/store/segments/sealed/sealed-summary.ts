import type { Ledger } from '../../../../shared/batch.ts';
import type { TimeRange } from './time-ranges.ts';

/** What a sealed segment holds, for its owner's records. */
export interface SealedSummary {
  readonly rows: number;
  readonly dataBytes: number;
  readonly indexBytes: number;
  /** Of the batches in it, those without any row too; 0 if there is no batch. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Lowest and highest timestamp of the rows that are in the cluster of a day; null if there is none. */
  readonly from: number | null;
  readonly to: number | null;
  /** The same of the other rows: those far from the day they were received on, and mixed ones. */
  readonly strayFrom: number | null;
  readonly strayTo: number | null;
  /** A few ranges in which all of those times lie, in order. */
  readonly strayRanges: readonly TimeRange[];
  /** Batches whose lines were sealed, those without any row too. */
  readonly batches: number;
  /** Sum of what the batches' senders lost. */
  readonly ledger: Ledger;
  /** Events that were refused while the rest of their batch was stored. */
  readonly rejected: number;
}
