import type { Damage } from '../../event-store.ts';
import type { FilePair, IdFileSummary } from '../batch-record.ts';
import type { Erasure } from '../../erasure.ts';
import type { NoteTimes } from '../note-times.ts';
import type { SealLimits } from '../sealed/seal-limits.ts';
import type { SealedSummary } from '../sealed/sealed-summary.ts';

/** Events that do not count any more. */
export interface Without {
  readonly erasures: readonly Erasure[];
  /** Those with a timestamp below it. */
  readonly before: number;
}

/** What a process of the store's own is told to do, as plain data. It writes new files only, all of them flushed. */
export type CompactionTask =
  | {
      readonly kind: 'seal';
      readonly source: {
        readonly path: string;
        readonly length: number;
        /** Offsets of lines that are not in force. */
        readonly dropped: readonly number[];
      };
      readonly sealed: FilePair;
      readonly ids: FilePair;
      /** `SEAL_LIMITS` if it is absent. */
      readonly limits?: SealLimits;
    }
  | {
      readonly kind: 'merge';
      readonly inputs: readonly FilePair[];
      readonly output: FilePair;
      /** What is left out. */
      readonly without: Without;
    }
  | { readonly kind: 'merge-ids'; readonly inputs: readonly FilePair[]; readonly output: FilePair };

export type CompactionAnswer =
  | {
      readonly kind: 'seal';
      readonly summary: SealedSummary;
      /** When the batches came that the sealed segment has lines about; null if it has none. */
      readonly notes: NoteTimes | null;
      readonly ids: IdFileSummary;
      readonly damage: readonly Damage[];
    }
  | {
      readonly kind: 'merge';
      readonly summary: SealedSummary;
      readonly notes: NoteTimes | null;
      readonly damage: readonly Damage[];
      /** Paths of the inputs' files that have damage. */
      readonly damaged: readonly string[];
      /** Events that each erasure left out: its number, and how many. */
      readonly erased: readonly (readonly [number: number, events: number])[];
    }
  /** To a merge of one sealed segment: there is nothing to be left out, and no file was made. */
  | { readonly kind: 'unchanged'; readonly notes: NoteTimes | null }
  | { readonly kind: 'merge-ids'; readonly ids: IdFileSummary };

/**
 * Does a task, in whatever process; none of its files counts before the owner of the store says so.
 *
 * @throws Error in words for the operator; nothing is to be expected of the files then.
 */
export type CompactionRunner = (task: CompactionTask, signal: AbortSignal) => Promise<CompactionAnswer>;
