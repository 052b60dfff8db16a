import type { Ledger } from '../../../shared/batch.ts';
import type { IdFileSummary } from './batch-record.ts';
import type { SealedSummary } from './sealed-types.ts';

/**
 * One change of the files in force. Each is one line of the manifest, so that a crash leaves it done or not done.
 *
 * - `create`: the store begins.
 * - `open`: `segment` is the active one; `closes` is the one before it, at its final length. Lines of
 *   `segment` have a position of at least `position`.
 * - `seal`: what the closed `segment` holds is in a sealed segment and an id file; it is itself no longer in force.
 *   `damaged`: it had lines that could not be read, so that it is kept aside.
 * - `merge`: one sealed segment stands for several.
 * - `merge-ids`: one id file stands for several.
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
      readonly damaged?: true;
    }
  | { readonly op: 'merge'; readonly from: readonly number[]; readonly sealed: SealedEntry }
  | { readonly op: 'merge-ids'; readonly from: readonly number[]; readonly ids: IdsEntry };

export const OPERATIONS: ReadonlySet<string> = new Set(['create', 'open', 'seal', 'merge', 'merge-ids']);

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
  /** Times of its first and last event by the events' own clocks, without the stray ones; null if there is none. */
  readonly from: number | null;
  readonly to: number | null;
  /** The same of the stray ones: those whose day is far from the day on which they came. */
  readonly strayFrom: number | null;
  readonly strayTo: number | null;
  /** Sums over its batches. */
  readonly batches: number;
  readonly ledger: Ledger;
  readonly rejected: number;
}

/** An id file in force. */
export interface IdsEntry {
  readonly number: number;
  readonly count: number;
  /** Bytes of its data. */
  readonly bytes: number;
  readonly indexBytes: number;
}

export function sealedEntry(number: number, summary: SealedSummary): SealedEntry {
  const { dataBytes, rows, indexBytes, firstPosition, lastPosition, batches, ledger, rejected } = summary;
  const { from, to, strayFrom, strayTo } = summary;
  const times = { from, to, strayFrom, strayTo };
  const sums = { batches, ledger, rejected };
  return { number, rows, bytes: dataBytes, indexBytes, firstPosition, lastPosition, ...times, ...sums };
}

export function idsEntry(number: number, { count, dataBytes, indexBytes }: IdFileSummary): IdsEntry {
  return { number, count, bytes: dataBytes, indexBytes };
}

/** Which files are in force, as the records so far say. */
export class FilesInForce {
  /** Log segments, oldest first. */
  readonly segments = new Map<number, ManifestSegment>();
  /** Sealed segments, in the order of their positions. */
  readonly sealed = new Map<number, SealedEntry>();
  readonly ids = new Map<number, IdsEntry>();
  /** Log segments that were sealed, by whether they are to be kept aside. */
  readonly retired = new Map<number, boolean>();
  /** The highest number that a sealed segment or an id file has had. */
  lastNumber = 0;

  /** @throws Error if the record speaks of a file that is not in force. */
  apply(record: ManifestRecord): void {
    switch (record.op) {
      case 'create':
        return;
      case 'open':
        this.#open(record);
        return;
      case 'seal':
        if (!this.segments.delete(record.segment)) throw unknown('seals segment', record.segment);
        this.retired.set(record.segment, record.damaged === true);
        this.#add(this.sealed, record.sealed);
        this.#add(this.ids, record.ids);
        return;
      case 'merge':
        replace(this.sealed, record.from);
        this.#add(this.sealed, record.sealed);
        this.#sortSealed();
        return;
      case 'merge-ids':
        replace(this.ids, record.from);
        this.#add(this.ids, record.ids);
    }
  }

  #open({ segment, position, closes }: Extract<ManifestRecord, { op: 'open' }>): void {
    if (closes !== undefined) {
      const before = this.segments.get(closes.segment);
      if (before === undefined) throw unknown('closes segment', closes.segment);
      this.segments.set(closes.segment, { ...before, length: closes.length });
    }
    this.segments.set(segment, { number: segment, firstPosition: position, length: undefined });
  }

  #add<Entry extends { readonly number: number }>(files: Map<number, Entry>, entry: Entry): void {
    files.set(entry.number, entry);
    this.lastNumber = Math.max(this.lastNumber, entry.number);
  }

  #sortSealed(): void {
    const sorted = [...this.sealed.values()].toSorted((a, b) => a.firstPosition - b.firstPosition);
    this.sealed.clear();
    for (const entry of sorted) this.sealed.set(entry.number, entry);
  }
}

function replace(files: Map<number, unknown>, from: readonly number[]): void {
  for (const number of from) if (!files.delete(number)) throw unknown('merges file', number);
}

function unknown(does: string, number: number): Error {
  return new Error(`the manifest ${does} ${number}, which is not in force`);
}
