import type { FlushReport, FlushWish } from '../../shared/worker-api.ts';
import type { Flusher } from '../delivery/flusher.ts';
import type { WorkerState } from './api.ts';
import type { Clock } from './clock.ts';
import type { WorkerLink } from './connect-worker.ts';
import { within } from './within.ts';

/** After a file could not be loaded or a worker not be registered, it is tried again no sooner. */
const RETRY_MS = 30_000;

/** Longest wait for a file or for a worker to be registered and active. */
const LOAD_LIMIT_MS = 10_000;

export interface DelivererParts {
  readonly clock: Clock;
  /** Registers the worker; undefined if this page has none or it can't see this page's storage. */
  readonly connect: (() => Promise<WorkerLink | undefined>) | undefined;
  readonly loadFlusher: () => Promise<Flusher>;
}

export interface Deliverer {
  /** Has the queue delivered: by the worker or, where there is none that answers, by this page. Never rejects. */
  deliver(wish: FlushWish): Promise<FlushReport>;
  /** Hands over to the worker, if there is one, before it returns: this page is about to go. */
  leave(): void;
  /** Has the worker look, if there is one, should this page not come to ask for delivery. */
  planned(): void;
  workerState(): WorkerState;
}

export function createDeliverer({ clock, connect, loadFlusher }: DelivererParts): Deliverer {
  let state: WorkerState = connect ? 'loading' : 'none';
  let link: WorkerLink | undefined;
  let flusher: Flusher | undefined;
  let isConnecting = false;
  /** After a failure, for a while: by a timer, since the clock may be set back. */
  let isResting = false;

  /** Its link is taken also when it comes after everybody has stopped waiting for it. */
  async function open(): Promise<void> {
    isConnecting = true;
    try {
      link = await connect?.();
      if (link) isResting = false;
    } finally {
      isConnecting = false;
    }
  }

  async function byWorker(wish: FlushWish): Promise<FlushReport | undefined> {
    if (!connect || isResting) return undefined;
    try {
      if (!link && !isConnecting) await within(open(), LOAD_LIMIT_MS, clock);
      const report = await link?.flush(wish);
      if (report) {
        state = 'active';
        return report;
      }
    } catch {
      // Not served, not allowed, or in a state that can't be talked to.
    }
    state = 'unavailable';
    isResting = true;
    clock.after(RETRY_MS, () => {
      isResting = false;
    });
    return undefined;
  }

  return {
    async deliver(wish) {
      try {
        const report = await byWorker(wish);
        if (report && (report.ok || report.requests > 0)) return report;
        flusher ??= await within(loadFlusher(), LOAD_LIMIT_MS, clock);
        if (flusher) return await flusher.flush(wish);
      } catch {
        // Not there, as if it had not come in time.
      }
      // What could send can't be loaded now. What was tracked lies safe in the queue.
      return { ok: false, requests: 0 };
    },
    leave() {
      link?.leave();
    },
    planned() {
      link?.planned();
    },
    workerState: () => state,
  };
}
