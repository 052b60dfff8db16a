import type { Erasure } from '../erasure.ts';
import type { IdsEntry, ManifestRecord, ManifestSegment, SealedEntry } from './manifest-records.ts';
import { RunningTotals } from './running-totals.ts';

/** An erasure, and how far it has come. */
export interface ErasureState {
  readonly erasure: Erasure;
  /** Events that it removed so far. */
  readonly events: number;
  /** When all of them were removed, in milliseconds since the Unix epoch; undefined before. */
  readonly doneMs: number | undefined;
}

/** What the records of a manifest come to. */
export class FilesInForce {
  /** Log segments, oldest first. */
  readonly segments = new Map<number, ManifestSegment>();
  /** Sealed segments, in the order of their positions. */
  readonly sealed = new Map<number, SealedEntry>();
  readonly ids = new Map<number, IdsEntry>();
  /** Log segments that were sealed, by whether they are to be kept aside. */
  readonly retired = new Map<number, boolean>();
  /** The sums over all batches that were sealed, also of those that expired or were erased since. */
  readonly totals = new RunningTotals();
  readonly erasures = new Map<number, ErasureState>();
  /** Those of them that have not come to their end. */
  readonly pendingErasures = new Map<number, Erasure>();
  /** Sealed segments that had damage and were replaced: they are to be kept aside. */
  readonly damagedSealed = new Set<number>();
  /** Events with a timestamp below this do not count. */
  expiredBefore = 0;
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
        this.totals.add(record.ledger, record.rejected);
        this.#add(this.sealed, record.sealed);
        this.#add(this.ids, record.ids);
        return;
      case 'merge':
        this.#merge(record);
        return;
      case 'merge-ids':
        remove(this.ids, record.from);
        this.#add(this.ids, record.ids);
        return;
      case 'expire':
        this.expiredBefore = Math.max(this.expiredBefore, record.before);
        return;
      case 'erase':
        this.#erase(record.erasure);
        return;
      case 'erased':
        this.#erased(record);
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

  #merge({ from, sealed, erased = [], damaged = [] }: Extract<ManifestRecord, { op: 'merge' }>): void {
    remove(this.sealed, from);
    for (const number of damaged) this.damagedSealed.add(number);
    if (sealed !== null) this.#add(this.sealed, sealed);
    const sorted = [...this.sealed.values()].toSorted((a, b) => a.firstPosition - b.firstPosition);
    this.sealed.clear();
    for (const entry of sorted) this.sealed.set(entry.number, entry);
    for (const [number, events] of erased) {
      const state = this.erasures.get(number);
      if (state === undefined) throw unknown('counts erasure', number);
      this.erasures.set(number, { ...state, events: state.events + events });
    }
  }

  #erase(erasure: Erasure): void {
    if (this.erasures.has(erasure.number)) throw unknown('begins again erasure', erasure.number);
    this.erasures.set(erasure.number, { erasure, events: 0, doneMs: undefined });
    this.pendingErasures.set(erasure.number, erasure);
  }

  #erased({ number, doneMs }: Extract<ManifestRecord, { op: 'erased' }>): void {
    const state = this.erasures.get(number);
    if (state === undefined) throw unknown('ends erasure', number);
    this.erasures.set(number, { ...state, doneMs });
    this.pendingErasures.delete(number);
  }

  #add<Entry extends { readonly number: number }>(files: Map<number, Entry>, entry: Entry): void {
    files.set(entry.number, entry);
    this.lastNumber = Math.max(this.lastNumber, entry.number);
  }
}

function remove(files: Map<number, unknown>, from: readonly number[]): void {
  for (const number of from) if (!files.delete(number)) throw unknown('replaces file', number);
}

function unknown(does: string, number: number): Error {
  return new Error(`the manifest ${does} ${number}, which it does not know`);
}
