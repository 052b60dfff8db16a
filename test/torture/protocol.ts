import type { Ledger } from '../../shared/batch.ts';

/** How a page of the lab delivers. */
export type Variant = 'worker' | 'page';

/** What the lab puts into each page and into the site's worker. */
export interface LabSettings {
  /** Names the page among the lab's; the worker has none. */
  readonly agent: string;
  /** How far the clock is wrong. */
  readonly clockOffsetMs: number;
  /** For how long databases that are deleted are held before they go. */
  readonly holdDeletionsMs: number;
}

/** Has a page track events. Their first context values are `prefix` and their numbers, so all are unique. */
export interface TrackCommand {
  readonly do: 'track';
  readonly prefix: string;
  readonly count: number;
  /** Events of one task. Default: all. */
  readonly perTask?: number;
  /** Time between tasks, besides the browser's own. Default: 0. */
  readonly everyMs?: number;
  /** Characters of a second context value. Default: 0. */
  readonly padding?: number;
  /** Begin only once this page can't reach the network. Default: false. */
  readonly whenOffline?: boolean;
  /** Also report what becomes of `delivered`, as it comes. Default: false. */
  readonly receipts?: boolean;
}

/** What a page can be told to do. */
export type Command =
  | TrackCommand
  | { readonly do: 'status' }
  | { readonly do: 'flush' }
  | { readonly do: 'close' }
  /** Removes the site's worker; answers how many registrations there were. */
  | { readonly do: 'unregister' }
  /** Has the browser look for a new worker; answers when it is active. */
  | { readonly do: 'updateWorker' }
  /** In this page and, if it has one, in its worker. */
  | { readonly do: 'setClock'; readonly offsetMs: number }
  /** As a browser does that gives up a database: in this page and its worker; answers how many connections there were. */
  | { readonly do: 'breakConnections' }
  /** As a later bundle might: opens the queue's database with a higher version; answers which. */
  | { readonly do: 'raiseSchema' }
  | { readonly do: 'deleteDatabase' };

/** What a page says about its collector. */
export interface PageStatus {
  readonly events: number;
  readonly unstored: number;
  readonly storage: string;
  readonly worker: string;
  readonly lastStatus: number | null;
  readonly nextAttemptInMs: number | null;
  readonly ledger: Ledger;
  readonly losses: Readonly<Record<string, number>>;
}

/** What became of `stored`: on disk, only in memory, or not at all. */
export type Outcome = 'stored' | 'memory' | 'dropped' | 'rejected' | 'discarded';

/** Where a page was told that an event has been delivered to. */
export interface Claim {
  readonly name: string;
  readonly batch: string;
  readonly sequence: number;
}

/** What pages and workers report, in the order in which it happened. All of it may be said twice. */
export type Report =
  | { readonly kind: 'outcomes'; readonly outcome: Outcome; readonly names: readonly string[] }
  | { readonly kind: 'claims'; readonly claims: readonly Claim[] }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }
  /** An error or a rejection that nobody handled. */
  | { readonly kind: 'fault'; readonly message: string };

/** A command on its way to a page. */
export interface Order {
  readonly id: number;
  readonly command: Command;
}

export const PATHS = {
  /** Long poll: answers with an order, or 204. */
  next: '/lab/next',
  report: '/lab/report',
  /** Answers if the network does. */
  ping: '/lab/ping',
  /** A page of the site with nothing in it. */
  empty: '/lab/empty',
  pageAgent: '/lab/page-agent.js',
  workerAgent: '/lab/worker-agent.js',
  worker: '/site-sw.js',
} as const;

/** What the worker's part of the lab is told by message, with a port for the answer. */
export type WorkerOrder =
  { readonly lab: 'setClock'; readonly offsetMs: number } | { readonly lab: 'breakConnections' };
