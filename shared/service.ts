import type { Ledger } from './batch.ts';

export interface Service {
  readonly service: {
    readonly name: string;
    readonly version: string;
    readonly description: string;
    readonly environment: string;
  };
}

/** Answer of `GET /service/authenticate`. */
export interface Authentication {
  readonly service: Service;
  readonly user: {
    readonly id: string;
    readonly context: string;
    /** The customers the user may report on, separated by commas; `*` is all; null is none. */
    readonly permissions: string | null;
  };
}

/** Answer of `GET /service/health`. That there is one says that the server lives. */
export interface Health {
  /** `read-only`: the last write failed. The next batch tries again, so keep sending. */
  readonly status: 'ready' | 'read-only';
  readonly store: {
    readonly writable: boolean;
    /** Places in the store's files that could not be read at the last start; the first 100 are counted. */
    readonly damage: number;
  };
  /** Sums of what senders counted as lost, from every batch stored. */
  readonly ledger: Ledger;
  /** Events that this server refused while it stored the rest of their batch; senders count them in their ledgers too. */
  readonly rejected: number;
}
