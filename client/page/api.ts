import type { EventProblem } from '../../shared/error-codes.ts';
import type { Ledger } from '../../shared/batch.ts';
import type { LastAnswer, Refusal } from '../queue/records.ts';

/** How a collector is set up; everything but `customer` and `product` may be left out. */
export interface CollectorOptions {
  /** Code of the customer whose software this is, e.g. `BARCHART`. */
  readonly customer: string;
  /** Code of the product, e.g. `PORTFOLIO`. */
  readonly product: string;
  /** Version of the product, stored with each event. */
  readonly version?: string | null | undefined;
  /** Where events are sent. Default: `/events` at the origin that the script came from. */
  readonly endpoint?: string | undefined;
  /** Address on this site of the service worker. Without one, events wait for the next visit once the tab has closed. */
  readonly worker?: string | undefined;
  /** Folder of the script's other files. Default: the script's own. */
  readonly assets?: string | undefined;
  /**
   * For each event type, the keys of its context in their order: lets `track` take an object, and fills in
   * the values of `setContext`. A type without an entry takes an array only.
   */
  readonly contextKeys?: Readonly<Record<string, readonly string[]>>;
}

/** What differs from the collector's own for one event. */
export interface TrackOptions {
  readonly customer?: string;
  readonly product?: string;
  readonly version?: string | null;
  /** Epoch milliseconds. Default: now. */
  readonly timestamp?: number;
}

/** Values in the order of the type's context, or by key where `contextKeys` has the type. */
export type Context = readonly (string | null)[] | Readonly<Record<string, string | null>>;

export type StoredOutcome =
  /** On `indexeddb` the event survives a crash of the browser; in `memory` it lives as long as the page. */
  | { readonly status: 'stored'; readonly storage: 'indexeddb' | 'memory' }
  /** Something is wrong with the event. It is counted, and that is all that happens to it. */
  | { readonly status: 'rejected'; readonly problems: readonly EventProblem[] }
  /** There was no room in memory while storage could not be written. */
  | { readonly status: 'dropped' };

export type DeliveredOutcome =
  /** The server has it, under this name for ever. */
  | { readonly status: 'delivered'; readonly batch: string; readonly sequence: number }
  | { readonly status: 'rejected'; readonly code: string; readonly path: string; readonly message: string }
  /** Removed unsent by the queue's own bounds. */
  | { readonly status: 'dropped' }
  /** Too many events were waiting for this page to remember; the queue has not forgotten it. */
  | { readonly status: 'unknown' };

/** Neither promise ever rejects. */
export interface Tracked {
  readonly stored: Promise<StoredOutcome>;
  readonly delivered: Promise<DeliveredOutcome>;
}

export interface Status {
  /** Events that the server has not acknowledged, in memory and in the queue. */
  readonly events: number;
  readonly batches: number;
  readonly bytes: number;
  readonly oldestAgeMs: number | null;
  readonly lastAnswer: LastAnswer | null;
  /** Epoch milliseconds; null when nothing is queued. */
  readonly nextAttemptAt: number | null;
  readonly storage: 'opening' | 'indexeddb' | 'memory';
  readonly worker: WorkerState;
  readonly ledger: Ledger;
}

/** `unavailable`: it could not be registered or does not answer; the page delivers by itself. */
export type WorkerState = 'none' | 'loading' | 'active' | 'unavailable';

export interface CollectorEvents {
  /** A batch of this origin's queue has reached the server, whoever sent it. `count` leaves out refused events. */
  readonly delivered: { readonly batch: string; readonly count: number };
  /** Events were refused: by `track()` (no batch) or by the server. */
  readonly rejected: {
    readonly batch: string | null;
    readonly count: number;
    readonly refusals: readonly Refusal[];
  };
  readonly dropped: { readonly count: number };
  readonly status: Status;
}

export interface Collector {
  /** Sets the collector up, if the script tag has not. Later calls change nothing. */
  init(options: CollectorOptions): void;
  /**
   * Queues an event. Takes microseconds and never throws, whatever it is given.
   *
   * @param type - Code of the event type.
   * @param context - Default: what `setContext` says about the keys of the type, or nothing.
   */
  track(type: string, context?: Context, options?: TrackOptions): Tracked;
  /** Sets values that later events of any type with these keys get, unless they bring their own. */
  setContext(values: Readonly<Record<string, string | null>>): void;
  clearContext(): void;
  /** Tries to deliver now whatever is queued, but not before a time that the server asked for. */
  flush(): Promise<void>;
  status(): Promise<Status>;
  /** @returns What ends the subscription. */
  on<Name extends keyof CollectorEvents>(
    name: Name,
    listener: (event: CollectorEvents[Name]) => void,
  ): () => void;
  /** Resolves when everything tracked is stored. Nothing can be tracked afterwards; the queue stays. */
  close(): Promise<void>;
}

declare global {
  interface Window {
    /** A stub with the calls made so far, until the script has come. */
    waybill?: Collector | { readonly q: readonly unknown[] };
  }
}
