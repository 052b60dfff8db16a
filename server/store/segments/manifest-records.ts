import type { Ledger } from '../../../shared/batch.ts';
import type { IdFileSummary } from './batch-record.ts';
import type { Erasure } from '../erasure.ts';
import type { NoteTimes } from './note-times.ts';
import type { SealedSummary } from './sealed/sealed-summary.ts';
import type { TimeRange } from './sealed/time-ranges.ts';

/**
 * One change of what is in force. Each is one line of the manifest, so that a crash leaves it done or not done.
 *
 * - `create`: the store begins.
 * - `open`: `segment` is the active one; `closes` is the one before it, at its final length. Lines of
 *   `segment` have a position of at least `position`.
 * - `seal`: what the closed `segment` holds is in a sealed segment and an id file; it is itself no longer in force.
 *   `damaged`: it had lines that could not be read, so that it is kept aside.
 * - `merge`: one sealed segment stands for several, or for one of which something was left out; `null` if nothing is left.
 * - `merge-ids`: one id file stands for several.
 * - `expire`: events with a timestamp below `before` do not count any more.
 * - `erase`: some events do not count any more, and are being removed from all files. `erased`: they are removed.
 */
export type ManifestRecord =
  | { readonly op: 'create'; readonly createdMs: number }
  | {
      readonly op: 'open';
      readonly segment: number;
      readonly position: number;
      readonly closes?: { readonly segment: number; readonly length: number };
    }
  | {
      readonly op: 'seal';
      readonly segment: number;
      readonly sealed: SealedEntry;
      readonly ids: IdsEntry;
      /** Sums over the batches of the segment. */
      readonly ledger: Ledger;
      readonly rejected: number;
      readonly damaged?: true;
    }
  | {
      readonly op: 'merge';
      readonly from: readonly number[];
      readonly sealed: SealedEntry | null;
      /** Events that were left out by erasures: the number of each, and how many. Each counts for one. */
      readonly erased?: readonly (readonly [number: number, events: number])[];
      /** Those of `from` that had damage, so that they are kept aside. */
      readonly damaged?: readonly number[];
    }
  | { readonly op: 'merge-ids'; readonly from: readonly number[]; readonly ids: IdsEntry }
  | { readonly op: 'expire'; readonly before: number }
  | { readonly op: 'erase'; readonly erasure: Erasure }
  | { readonly op: 'erased'; readonly number: number; readonly doneMs: number; readonly events: number };

export const OPERATIONS: ReadonlySet<string> = new Set([
  'create',
  'open',
  'seal',
  'merge',
  'merge-ids',
  'expire',
  'erase',
  'erased',
]);

/** A log segment in force. */
export interface ManifestSegment {
  readonly number: number;
  readonly firstPosition: number;
  /** Its final length in bytes; undefined for the active one. */
  readonly length: number | undefined;
}

/** A sealed segment in force, and what is to be known of it without opening it. */
export interface SealedEntry {
  readonly number: number;
  readonly rows: number;
  /** Bytes of its data. */
  readonly bytes: number;
  readonly indexBytes: number;
  /** The positions that its batches have lie between these, inclusive. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Times of its first and last event by the events' own clocks, of clusters with a day; null if there is none. */
  readonly from: number | null;
  readonly to: number | null;
  /** The same of the others: those whose day is far from the day on which they came, or that share the mixed cluster. */
  readonly strayFrom: number | null;
  readonly strayTo: number | null;
  /** A few ranges in which the times of all of those lie; absent in old records. */
  readonly strayRanges?: readonly TimeRange[];
  /**
   * When the batches came that it has lines about, the first and the last; null if there are none. Absent where
   * nobody has looked: in records of before this was kept.
   */
  readonly notes?: NoteTimes | null;
  /** Number of the newest erasure whose events were left out when it was made; 0 if none were. */
  readonly erasures: number;
}

/** An id file in force. */
export interface IdsEntry {
  readonly number: number;
  readonly count: number;
  /** Bytes of its data. */
  readonly bytes: number;
  readonly indexBytes: number;
}

export function sealedEntry(
  number: number,
  summary: SealedSummary,
  notes: NoteTimes | null,
  erasures: number,
): SealedEntry {
  const { dataBytes, rows, indexBytes, firstPosition, lastPosition } = summary;
  const { from, to, strayFrom, strayTo, strayRanges } = summary;
  // One range is what the two ends say.
  const times = { from, to, strayFrom, strayTo, ...(strayRanges.length > 1 && { strayRanges }) };
  return {
    number,
    rows,
    bytes: dataBytes,
    indexBytes,
    firstPosition,
    lastPosition,
    ...times,
    notes,
    erasures,
  };
}

/** Ranges of time in one of which each of its events lies. */
export function timesOf({ from, to, strayFrom, strayTo, strayRanges }: SealedEntry): readonly TimeRange[] {
  const days: readonly TimeRange[] = from === null || to === null ? [] : [[from, to]];
  const stray: readonly TimeRange[] = strayFrom === null || strayTo === null ? [] : [[strayFrom, strayTo]];
  return [...days, ...(strayRanges ?? stray)];
}

export function idsEntry(number: number, { count, dataBytes, indexBytes }: IdFileSummary): IdsEntry {
  return { number, count, bytes: dataBytes, indexBytes };
}
