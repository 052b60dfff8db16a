/** How a page asks for delivery. */
export interface FlushWish {
  /** Somebody or something knows better than a backoff after silence; a server's `Retry-After` still holds. */
  readonly urgent: boolean;
  /** The page may be gone in the next moment: requests are made so that they outlive it, where they can be. */
  readonly leaving?: boolean;
}

export interface FlushReport {
  /** False if the queue could not be read or written. */
  readonly ok: boolean;
  readonly requests: number;
  /** Some request got no answer at all: the network or the server is away. */
  readonly silent?: boolean;
}

/** What the worker offers on the port of one message. Outcomes are values: codes don't survive a throw. */
export interface WorkerApi {
  /** Answers at once: tells a live worker from one that is gone. */
  ping(): true;
  /** One run of the flush loop; the worker is kept alive for it, although the page may be gone. */
  flush(wish: FlushWish): Promise<FlushReport>;
}

/** The message that carries a port to the worker. */
export const PORT_MESSAGE = 'waybill-port';

/**
 * The message of a page that is going away. It says all by itself: of what a page sends on a port in its
 * last moment, the worker may see nothing.
 */
export const LEAVING_MESSAGE = 'waybill-leaving';

/**
 * The message of a page that has stored events and will ask for delivery in `DEBOUNCE_MS`, if it lives that
 * long. Browsers end pages without a word, also between `pagehide` and what it posts.
 */
export const STORED_MESSAGE = 'waybill-stored';

/** From the first write to the send: what is stored in between shares its request. */
export const DEBOUNCE_MS = 1_000;

/** Name of the BroadcastChannel and of the database of one origin. */
export const QUEUE_NAME = 'waybill';
