import type { Records, StoreName } from './records.ts';

/** Ordered as IndexedDB orders keys: item by item, numbers before strings before arrays. */
export type Key = readonly (string | number | Key)[];

/** Both ends inclusive. */
export interface KeyRange {
  readonly from: Key;
  readonly to: Key;
}

/** Reads and writes of one transaction. Only its own promises may be awaited while it is open. */
export interface Transaction {
  /** Keys in ascending order. */
  keys(store: StoreName, range: KeyRange, limit?: number): Promise<readonly Key[]>;
  /** Records in ascending order of their keys. */
  all<Name extends StoreName>(
    store: Name,
    range: KeyRange,
    limit?: number,
  ): Promise<readonly Records[Name]['value'][]>;
  /** Adds the record or replaces the one with its key. A failure shows when the transaction ends. */
  put<Name extends StoreName>(store: Name, record: Records[Name]['value']): void;
  delete(store: StoreName, range: KeyRange): void;
}

/**
 * Transactions over the queue's four stores.
 *
 * - A transaction is all or nothing, and isolated from every other that names one of its stores, in any tab
 *   or worker of the origin.
 * - When the promise resolves, its writes survive a crash of the browser (not, in memory, of the page).
 * - When it rejects, the writes may still have been made: the connection can be lost after they were.
 */
export interface Storage {
  readonly kind: 'indexeddb' | 'memory';
  transact<Result>(
    stores: readonly StoreName[],
    work: (tx: Transaction) => Result | Promise<Result>,
    mode?: 'readonly' | 'readwrite',
  ): Promise<Result>;
  /**
   * Keeps what is stored from being lost with a damaged log; see `renew-log.ts`. Missing where there is no log, and from what
   * an older script hands to newer parts.
   *
   * @returns Resolves, in any case, when what was written before the end of it is safe, or after 5 seconds.
   */
  readonly renewLog?: () => Promise<void>;
  /** The renewal that was asked for, perhaps over; undefined if there was none, or it has failed. Missing like `renewLog`. */
  readonly renewal?: () => Promise<void> | undefined;
  /** Lets go of the storage; a later transaction takes it up again. */
  close(): void;
}

/** All keys of whatever endpoint. */
export const ALL_KEYS: KeyRange = { from: [''], to: [[]] };

/** All keys that begin with these items. */
export function keysFrom(...prefix: readonly (string | number)[]): KeyRange {
  // An array sorts after any number and any string.
  return { from: prefix, to: [...prefix, []] };
}
