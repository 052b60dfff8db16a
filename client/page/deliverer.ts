import type { FlushReport, FlushWish } from '../../shared/worker-api.ts';
import type { Flusher } from '../delivery/flusher.ts';
import type { WorkerState } from './api.ts';
import type { Clock } from './clock.ts';
import type { WorkerLink } from './connect-worker.ts';

/** After a file could not be loaded or a worker not be registered, it is tried again no sooner. */
const RETRY_MS = 30_000;

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
  let connectAt = 0;

  async function byWorker(wish: FlushWish): Promise<FlushReport | undefined> {
    if (!connect || clock.now() < connectAt) return undefined;
    try {
      link ??= await connect();
      const report = await link?.flush(wish);
      if (report) {
        state = 'active';
        return report;
      }
    } catch {
      // Not served, not allowed, or in a state that can't be talked to.
    }
    state = 'unavailable';
    connectAt = clock.now() + RETRY_MS;
    return undefined;
  }

  return {
    async deliver(wish) {
      try {
        const report = await byWorker(wish);
        if (report?.ok) return report;
        flusher ??= await loadFlusher();
        return await flusher.flush(wish);
      } catch {
        // What could send can't be loaded now. What was tracked lies safe in the queue.
        return { ok: false, requests: 0, dueAt: null };
      }
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
