import type { EventProblem } from '../../shared/error-codes.ts';
import type { UsageEvent } from '../../shared/event.ts';
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
  /** Folder of the script tag's other files. Default: the script's own. The module's come with it. */
  readonly assets?: string | undefined;
  /**
   * For each event type, the keys of its context in their order: lets `track` take an object, and fills in
   * the values of `setContext`. A type without an entry takes an array only.
   */
  readonly contextKeys?: Readonly<Record<string, readonly string[]>> | undefined;
  /**
   * Sees each event before it is stored, in `track()` itself or, for one that was tracked before `init`, in
   * `init`. What it returns is stored, if it is a good event; null drops the event, which counts as no loss.
   *
   * The event is a copy; change it or return another. If the hook throws, or returns nothing at all, the event is
   * rejected with `BEFORE_SEND_FAILED` and counted: it may hold what the hook was to take out. Default: none.
   */
  readonly beforeSend?: ((event: UsageEvent) => UsageEvent | null | undefined) | undefined;
  /**
   * `pending`: until `optIn()` or `optOut()`, events are kept in memory alone; nothing is stored, sent,
   * registered or loaded. Default: `granted`.
   */
  readonly consent?: 'granted' | 'pending' | undefined;
  /** Whether Global Privacy Control in the browser counts as an opt-out. Default: true. */
  readonly honourGpc?: boolean | undefined;
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
  | { readonly status: 'rejected'; readonly problems: readonly Problem[] }
  /** There was no room in memory while storage could not be written, or the collector is closed. */
  | { readonly status: 'dropped' }
  | Discarded;

/** What is wrong with an event. `BEFORE_SEND_FAILED`: the hook threw, or returned no event and not null. */
export interface Problem {
  readonly code: EventProblem['code'] | 'BEFORE_SEND_FAILED';
  readonly path: string;
}

/** Kept nowhere by somebody's will, and not counted: the user has opted out, or `beforeSend` returned null. */
export interface Discarded {
  readonly status: 'discarded';
  readonly reason: 'privacy' | 'before-send';
}

export type DeliveredOutcome =
  /** The server has it, under this name for ever. */
  | { readonly status: 'delivered'; readonly batch: string; readonly sequence: number }
  | { readonly status: 'rejected'; readonly code: string; readonly path: string; readonly message: string }
  /**
   * Removed by the queue's own bounds: for want of room, for its age, or in either case `unconfirmed` if it was sent
   * and the server may have it.
   */
  | { readonly status: 'dropped' | 'expired' | 'unconfirmed' }
  /** With `privacy`, an event that was just on its way may have reached the server all the same. */
  | Discarded
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
  /** Those of them that are only in memory: storage is being opened or written, or consent is pending. */
  readonly unstored: number;
  /** Batches in the queue. A batch that was never sent may still be merged with others. */
  readonly batches: number;
  /** UTF-8 bytes of the events in the queue. */
  readonly bytes: number;
  /** Since the oldest event in the queue was tracked; null when it is empty. */
  readonly oldestAgeMs: number | null;
  readonly lastAnswer: LastAnswer | null;
  /** Epoch milliseconds; null when nothing is queued. */
  readonly nextAttemptAt: number | null;
  /** `opening`: the queue can't be read yet, or not just now. What is told is then of this page's memory only. */
  readonly storage: 'opening' | 'indexeddb' | 'memory';
  readonly worker: WorkerState;
  readonly consent: ConsentState;
  /** Events lost on this device so far, sent along with later batches. */
  readonly ledger: Ledger;
  /**
   * The same events by reason: an item of the ledger, for most with a colon and what was the matter, such as
   * `rejected:EVENT_TOO_LARGE` or `dropped:memory`. At most 50 reasons; beyond, `other`.
   */
  readonly losses: Readonly<Record<string, number>>;
}

/** `refused`: the user has opted out, or Global Privacy Control has; see `optOut()`. */
export type ConsentState = 'granted' | 'pending' | 'refused';

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
  /** Within fifteen seconds, whatever can't be loaded or read; without the queue's part then. */
  status(): Promise<Status>;
  /** @returns What ends the subscription. */
  on<Name extends keyof CollectorEvents>(
    name: Name,
    listener: (event: CollectorEvents[Name]) => void,
  ): () => void;
  /**
   * The user wants none of this: from now on events are discarded, and those in memory and in the queue are
   * erased, in every tab of the origin that sends to the same endpoint. A request that is under way can't be recalled.
   * Kept until `optIn()`, also over visits.
   *
   * Works at any time, also before `init`. Never rejects; resolves when the queue is empty and the decision is
   * durable, for which it waits for `init` and for storage. In memory (see `Status.storage`) it holds as long as the page.
   */
  optOut(): Promise<void>;
  /**
   * The user agrees: takes back `optOut()`, ends a pending consent, and overrides Global Privacy Control for
   * this page's life, or until another page finds that signal and nobody there overrides it.
   *
   * What was tracked while consent was pending is stored now; what was refused is gone. Never rejects.
   */
  optIn(): Promise<void>;
  /**
   * Resolves when everything tracked is stored, at the latest after ten seconds. Nothing can be tracked afterwards; the
   * queue stays.
   */
  close(): Promise<void>;
}

declare global {
  interface Window {
    /** A stub with the calls made so far, until the script has come. */
    waybill?: Collector | { readonly q: readonly unknown[] };
  }
}
