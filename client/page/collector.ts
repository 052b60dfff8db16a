import type { EventProblem } from '../../shared/error-codes.ts';
import { parseEvent } from '../../shared/event.ts';
import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import { createEventQueue } from '../queue/create-event-queue.ts';
import type { Storage } from '../queue/storage.ts';
import type { Collector, CollectorOptions, Tracked } from './api.ts';
import { createBurstWriter } from './burst-writer.ts';
import type { Clock } from './clock.ts';
import type { Emitter } from './emitter.ts';
import type { Chunks } from './load-chunk.ts';
import type { Config } from './options.ts';
import { orderContext } from './order-context.ts';
import type { PageDelivery } from './page-delivery.ts';
import type { PendingBurst } from './pending-burst.ts';

/** Bursts whose outcome is of interest once the other part has been loaded, at most. */
const MAX_EARLY = 10_000;

/** Wait before what could not be loaded is tried again. */
const RELOAD_MS = 30_000;

export interface CollectorParts {
  readonly clock: Clock;
  readonly emitter: Emitter;
  readonly channel: BroadcastChannel | undefined;
  configure(options: CollectorOptions): Config;
  chunksOf(assets: string): Chunks;
  openStorage(chunks: Chunks): Promise<Storage>;
  /** Resolves when loading more would no longer be in the page's own way. */
  whenQuiet(): Promise<void>;
}

/**
 * A page's collector: this part gets events stored, and loads the part that has them delivered.
 *
 * It is complete without the other: while that can't be loaded, events are stored all the same.
 */
export function createCollector({ clock, emitter, channel, ...parts }: CollectorParts): Collector {
  let config: Config | undefined;
  let delivery: PageDelivery | undefined;
  let shared: Readonly<Record<string, string | null>> = {};
  let isClosed = false;
  /** Bursts that the other part has not heard of yet. */
  const early: PendingBurst[] = [];
  const [storage, resolveStorage] = defer<Storage>();
  const [delivering, resolveDelivery] = defer<PageDelivery>();
  const [started, start] = defer<Config>();

  const writer = createBurstWriter({
    queue: Promise.all([storage, started]).then(([opened, { endpoint }]) =>
      createEventQueue(opened, endpoint),
    ),
    clock,
    onBurst(burst) {
      if (delivery) delivery.expect(burst);
      else if (early.push(burst) > MAX_EARLY) early.shift();
    },
    onStored: (burst) => delivery?.stored(burst),
    onDropped: (burst) => void delivering.then((ready) => ready.dropped(burst)),
  });

  function openStorage(chunks: Chunks): void {
    parts.openStorage(chunks).then(resolveStorage, () => {
      clock.after(RELOAD_MS, () => openStorage(chunks));
    });
  }

  async function loadDelivery(ready: Config, chunks: Chunks): Promise<void> {
    const opened = await storage;
    const usesWorker = ready.worker && opened.kind === 'indexeddb' && 'serviceWorker' in navigator;
    try {
      const chunk = await (usesWorker ? chunks.link() : chunks.flush());
      if (isClosed) return;
      delivery = chunk.createDelivery({
        config: ready,
        clock,
        emitter,
        storage: opened,
        writer,
        chunks,
        channel,
      });
      for (const burst of early.splice(0)) delivery.expect(burst);
      resolveDelivery(delivery);
    } catch {
      clock.after(RELOAD_MS, () => void loadDelivery(ready, chunks));
    }
  }

  function refuse(problems: readonly EventProblem[]): Tracked {
    writer.reject();
    const refusals = problems.map(({ code, path }) => ({ sequence: 0, code, path, message: '' }));
    emitter.emit('rejected', { batch: null, count: 1, refusals });
    return {
      stored: Promise.resolve({ status: 'rejected', problems }),
      delivered: Promise.resolve({ status: 'rejected', code: '', path: '', message: '', ...problems[0] }),
    };
  }

  function accept(ready: Config, nowMs: number, [type, context, options = {}]: TrackArguments): Tracked {
    const { customer = ready.customer, product = ready.product, timestamp = nowMs } = options;
    const { version = ready.version } = options;
    const ordered = orderContext(context, ready.contextKeys[type], shared);
    const event = { customer, product, type, timestamp, context: ordered, version };
    const parsed = parseEvent(event, DEFAULT_LIMITS, nowMs);
    if (!parsed.ok) return refuse(parsed.problems);
    const { burst, index } = writer.add(parsed.text);
    // Most callers want neither promise: the second is made when it is asked for.
    return {
      stored: burst.stored,
      get delivered() {
        return delivering.then((loaded) => loaded.delivered(burst, index));
      },
    };
  }

  function tryAccept(ready: Config, nowMs: number, args: TrackArguments): Tracked {
    try {
      return accept(ready, nowMs, args);
    } catch {
      // Something that throws when it is looked at: as malformed as any other wrong value.
      return refuse([{ code: 'REQUEST_PARAMETER_MALFORMED', path: '' }]);
    }
  }

  return {
    init(options) {
      if (config) return;
      const ready = parts.configure(options);
      const chunks = parts.chunksOf(ready.assets);
      config = ready;
      start(ready);
      openStorage(chunks);
      void parts.whenQuiet().then(() => loadDelivery(ready, chunks));
    },
    track(...args) {
      if (isClosed) return CLOSED;
      const nowMs = clock.now();
      if (config) return tryAccept(config, nowMs, args);
      const tracked = started.then((ready) => tryAccept(ready, nowMs, args));
      return {
        stored: tracked.then((later) => later.stored),
        delivered: tracked.then((later) => later.delivered),
      };
    },
    setContext(values) {
      shared = { ...shared, ...values };
    },
    clearContext() {
      shared = {};
    },
    flush: () => delivering.then((ready) => ready.flush()),
    status: () => delivering.then((ready) => ready.status()),
    on: emitter.on,
    async close() {
      isClosed = true;
      delivery?.stop();
      await writer.settled();
      if (config) (await storage).close();
    },
  };
}

type TrackArguments = Parameters<Collector['track']>;

const DROPPED = Promise.resolve({ status: 'dropped' } as const);
const CLOSED: Tracked = { stored: DROPPED, delivered: DROPPED };

function defer<Value>(): [promise: Promise<Value>, resolve: (value: Value) => void] {
  let resolvePromise: ((value: Value) => void) | undefined;
  const promise = new Promise<Value>((resolve) => {
    resolvePromise = resolve;
  });
  return [promise, (value) => resolvePromise?.(value)];
}
