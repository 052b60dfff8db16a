import type { Erasure, KeyPlaces } from './erasure.ts';
import type { Ledger } from '../../shared/batch.ts';
import type { EventProblemCode } from '../../shared/error-codes.ts';
import type { UsageEvent } from '../../shared/event.ts';
import type { ReportFilter } from '../../shared/report.ts';

/** What makes a batch that batch, whenever and however often it is sent. */
export interface BatchIdentity {
  /** UUID in lower case. */
  readonly batch: string;
  /** The batches that this one was split from, the first one first; UUIDs in lower case. */
  readonly parents: readonly string[];
  /** Index of this batch's first event in the first of `parents`; 0 without parents. */
  readonly offset: number;
  /** Digest of the events as sent; equal fingerprints are equal events. */
  readonly fingerprint: string;
  /** The events as sent; undefined for one whose fields lack their types. */
  readonly events: readonly (UsageEvent | undefined)[];
}

/** That an event was refused, and why. */
export interface Refusal {
  readonly sequence: number;
  readonly code: EventProblemCode;
  /** Relative to the event, e.g. `timestamp`; empty for the event itself. */
  readonly path: string;
}

/** An event that was refused: kept with its reason, as far as its known fields could be bounded. */
export interface Rejection extends Refusal {
  readonly event: Readonly<Record<string, unknown>>;
}

/** What a new batch puts into the store. */
export interface BatchContents {
  /** When the server received it, in milliseconds since the Unix epoch. */
  readonly received: number;
  /** `received` less the sender's clock, in milliseconds; null if the sender did not say. */
  readonly skew: number | null;
  readonly ledger: Ledger | null;
  /** The good events as JSON texts of known fields in their fixed order, in the order sent, joined by commas; UTF-8. */
  readonly events: Uint8Array;
  readonly rejected: readonly Rejection[];
}

export type AppendOutcome =
  /** The batch is durable: now, since an earlier request, or as part of a batch that it was split from. */
  | { readonly kind: 'stored'; readonly isNew: boolean; readonly rejected: readonly Refusal[] }
  /** The id is taken by other events; nothing was stored. */
  | { readonly kind: 'conflict' }
  /** The id was split into halves, of which at least one is stored; nothing was stored. */
  | { readonly kind: 'split' };

/** A fixed set of batches: those at or below a position. Plain JSON, for another process to read from. */
export interface StoreSnapshot {
  readonly engine: 'file';
  /** The position of the newest batch in it; 0 if there is none. */
  readonly position: number;
  /** In the order of their positions. */
  readonly sealed: readonly SnapshotSealed[];
  /** Events with a timestamp below it are not in it. */
  readonly expiredBefore: number;
  /** Events that are not in it, though they may be in its files. */
  readonly erasures: readonly Erasure[];
  readonly segments: readonly SnapshotSegment[];
}

/** A sealed segment: the paths of its files, and when its events lie. */
export interface SnapshotSealed {
  readonly files: { readonly data: string; readonly index: string };
  /** A few ranges of time, both ends included: the timestamp of each of its events is in one of them. */
  readonly times: readonly (readonly [from: number, to: number])[];
}

export interface SnapshotSegment {
  readonly path: string;
  /** Bytes of the file that count. */
  readonly length: number;
  /** Offsets of lines that are not in force. */
  readonly dropped: readonly number[];
}

/** A row of a snapshot, as `RowSink` gets the text of. */
export type StoredRow = readonly [
  timestamp: number,
  type: string,
  context: readonly (string | null)[],
  batch: string,
  sequence: number,
  position: number,
  received: number,
  skew: number | null,
  version?: string | null,
];

/**
 * Takes rows: each a line of JSON in UTF-8, as `JSON.stringify` would write it, ended by LF.
 *
 * `[timestamp,"type",[context…],"batch",sequence,position,received,skew]`; `skew` may be null; a ninth item is the
 * event's `version`, text or null, if it has one. Each line matches the filter, which says the customer and product.
 */
export interface RowSink {
  /**
   * Takes whole lines, which follow those before in the order of (timestamp, batch, sequence).
   *
   * @param bytes - Valid during the call only.
   */
  add(bytes: Buffer, start: number, end: number): void;
  /** Asked after each 400 KiB or less, where blocks are of the usual size: a promise to wait for before more is added, or undefined. */
  drained(): Promise<void> | undefined;
}

export interface ReadOptions {
  /** Told of what can't be read, and is then left out. */
  readonly onDamage: (damage: Damage) => void;
  /**
   * A file to make for what does not fit in memory, in a folder that exists; it has no name any more when anything
   * is written to it, so that no end leaves it behind.
   */
  readonly scratchPath: string;
  /**
   * Told from time to time how far it is, in bytes of the store's files.
   *
   * @param total - All that have to be read; 0 while that is not known.
   */
  readonly onProgress?: (scanned: number, total: number) => void;
  /** The built entry, `log-thread.js`, of a thread that helps where much of the log has to be read; without it there is none. */
  readonly logThreadPath?: string;
}

export interface SnapshotReader {
  /**
   * Hands the events that match to a sink, in the order of (timestamp, batch, sequence).
   *
   * Memory is bounded, whatever the store and the result come to.
   */
  readRows(filter: ReportFilter, sink: RowSink, options: ReadOptions): Promise<void>;
}

/** Bytes of a store's file that can't be read as what they should be. */
export interface Damage {
  readonly path: string;
  readonly offset: number;
  readonly reason: string;
  /** That no event is lost by it, since what the bytes said follows from others. */
  readonly isHarmless?: true;
}

export interface StoreHealth {
  readonly isWritable: boolean;
  /** Damage found since the store was opened, the first 100. */
  readonly damage: readonly Damage[];
}

/** Sums over all batches that are stored, each counted once however often it came; none exceeds 2^53 - 1. */
export interface StoreTotals {
  /** What the senders could not deliver: the ledgers that the batches carried. */
  readonly ledger: Ledger;
  /** Events that this server refused while it stored the rest of their batch. */
  readonly rejected: number;
}

/** Which events of a customer are to go: all that are stored now, or fewer. */
export interface ErasureRequest {
  readonly customer: string;
  /** Only those with a timestamp below it. */
  readonly before?: number;
  /** Only those with a value under a key of their context. */
  readonly key?: {
    readonly name: string;
    readonly value: string;
    readonly places: KeyPlaces;
  };
}

export interface ErasureProgress {
  readonly number: number;
  readonly customer: string;
  readonly askedMs: number;
  /** When its events were gone from all files; undefined before. */
  readonly doneMs: number | undefined;
  /** How many were removed so far. */
  readonly events: number;
  /** What keeps it from its end, in words for the operator; undefined if nothing does but time. Nobody sees its events meanwhile. */
  readonly waitsFor: string | undefined;
}

/**
 * Where events are kept. Ingest and reports know nothing else of storage.
 *
 * Every implementation passes the same contract (`test/contract/event-store.contract.ts`).
 */
export interface EventStore {
  /**
   * Stores a batch once, whenever and however often it is appended.
   *
   * Resolves only when the batch is durable; concurrent calls share disk flushes. Calls with one id
   * at the same time: one stores, the others wait for it and get its outcome. A batch that was stored
   * before is compared by fingerprint, without any limit of time.
   *
   * @param compose - Called at most once, synchronously, and only if the batch is new. What it throws
   *   is thrown on, and nothing is stored.
   * @throws AppError `STORE_BUSY` when too much waits to be written, `STORE_FULL` when there is no
   *   space, `STORE_UNAVAILABLE` when the disk fails. Nothing of the batch is acknowledged then.
   */
  append(identity: BatchIdentity, compose: () => BatchContents): Promise<AppendOutcome>;

  /** About when the newest batch came, in milliseconds since the Unix epoch; 0 if there is none. */
  newestMs(): number;

  /** How many damaged files are kept aside: they may hold what was erased, and nobody removes them but people. */
  keptAside(): Promise<number>;

  /** The position of the newest batch that has been acknowledged; 0 if there is none. */
  position(): number;

  /**
   * All that had been acknowledged when the store was at a position; now if none is given.
   *
   * The files that it names stay until it is released.
   */
  snapshot(position?: number): StoreSnapshot;

  /** Says that nobody reads from a snapshot any more. */
  release(snapshot: StoreSnapshot): void;

  /**
   * Makes events with a timestamp below a time count no more, at once and for ever; their bytes go as files are
   * rewritten. What is known of their batches stays.
   */
  expire(beforeMs: number): Promise<void>;

  /** Events with a timestamp below this count no more, also such as are stored from now on; 0 if none has expired. */
  expiredBefore(): number;

  /**
   * Makes events of one customer count no more, as soon as this resolves, and begins to remove them from all
   * files; `erasures` tells when that is done. What is known of their batches stays, so that a retry is harmless.
   *
   * @returns The number of the erasure.
   * @throws AppError as `append` does; it may have begun nevertheless, and asking again is harmless.
   */
  erase(request: ErasureRequest, nowMs: number): Promise<number>;

  /** Every erasure that was ever asked for. */
  erasures(): readonly ErasureProgress[];

  health(): StoreHealth;

  /** Counts a batch from the moment in which its append resolves, also after a restart. */
  totals(): Promise<StoreTotals>;

  /** Finishes what was appended and lets go of the files. */
  close(): Promise<void>;
}
