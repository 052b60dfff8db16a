import { releaseProxy, wrap } from 'comlink';
import { Workbox } from 'workbox-window';
import {
  type FlushReport,
  type FlushWish,
  LEAVING_MESSAGE,
  PORT_MESSAGE,
  STORED_MESSAGE,
  type WorkerApi,
} from '../../shared/worker-api.ts';
import type { Clock } from './clock.ts';
import { trustWorkerUrl } from './trust-worker-url.ts';
import { within } from './within.ts';

/** A live worker answers a ping in milliseconds; one that has to be started first, in far less than this. */
const PING_LIMIT_MS = 4_000;

/** Longest wait for a run: the worker may be ended in the middle of it and then never answers. */
const RUN_LIMIT_MS = 45_000;

/** After this it is tried again from the start: what was installing may have failed. */
const ACTIVATION_LIMIT_MS = 10_000;

export interface WorkerLink {
  /**
   * Has the worker run the flush loop.
   *
   * @returns undefined if the worker gave no sign in time.
   */
  flush(wish: FlushWish): Promise<FlushReport | undefined>;
  /** Has the worker run it although the page may be gone in the next moment. */
  leave(): void;
  /** Has the worker run it unless it is asked to within the next moments. */
  planned(): void;
}

/**
 * Registers the worker and waits until it is active: for ever, if its script is never answered.
 *
 * @returns undefined if it did not become active in time.
 * @throws What the browser says when it can't be registered.
 */
export async function connectWorker(url: string, clock: Clock): Promise<WorkerLink | undefined> {
  const workbox = new Workbox(trustWorkerUrl(url), { updateViaCache: 'none' });
  const registration = await workbox.register({ immediate: true });
  const first = registration?.active ?? (await within(workbox.active, ACTIVATION_LIMIT_MS, clock));
  if (!first) return undefined;
  // The active worker changes with every update.
  const current = (): ServiceWorker => registration?.active ?? first;
  return {
    flush: (wish) => flushBy(current(), wish, clock),
    leave: () => tell(current(), LEAVING_MESSAGE),
    planned: () => tell(current(), STORED_MESSAGE),
  };
}

function tell(worker: ServiceWorker, message: string): void {
  try {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
    worker.postMessage(message);
  } catch {
    // A worker that is gone. These messages are hints, and their callers have more to do.
  }
}

async function flushBy(
  worker: ServiceWorker,
  wish: FlushWish,
  clock: Clock,
): Promise<FlushReport | undefined> {
  const { port1, port2 } = new MessageChannel();
  const listening = new AbortController();
  const gone = new Promise<undefined>((resolve) => {
    const look = (): void => {
      if (worker.state === 'redundant') resolve(undefined);
    };
    worker.addEventListener('statechange', look, { signal: listening.signal });
  });
  const api = wrap<WorkerApi>(port1);
  worker.postMessage(PORT_MESSAGE, [port2]);
  const ping = api.ping();
  const report = api.flush(wish);
  try {
    const running = Promise.race([report, gone]);
    return (await within(ping, PING_LIMIT_MS, clock)) && (await within(running, RUN_LIMIT_MS, clock));
  } finally {
    listening.abort();
    api[releaseProxy]();
  }
}
