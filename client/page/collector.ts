import { EMPTY_LEDGER } from '../../shared/batch.ts';
import type { EventProblem } from '../../shared/error-codes.ts';
import { parseEvent } from '../../shared/event.ts';
import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import { isRecord } from '../../shared/text.ts';
import { createEventQueue } from '../queue/create-event-queue.ts';
import type { Storage } from '../queue/storage.ts';
import type { Collector, CollectorOptions, Status, Tracked } from './api.ts';
import { createBurstWriter } from './burst-writer.ts';
import type { Clock } from './clock.ts';
import { defer } from './defer.ts';
import type { Emitter } from './emitter.ts';
import type { Chunks } from './load-chunk.ts';
import type { Config } from './options.ts';
import { orderContext } from './order-context.ts';
import type { PageDelivery } from './page-delivery.ts';
import type { PendingBurst } from './pending-burst.ts';
import { within } from './within.ts';

/** Bursts whose outcome is of interest once the other part has been loaded, and events before `init`, at most. */
const MAX_EARLY = 10_000;

/** Longest wait for the other part, or for storage, on behalf of a caller. */
const READY_LIMIT_MS = 10_000;

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
  let shared: Values = {};
  let isClosed = false;
  let uninitiated = 0;
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
        describe,
        emitter,
        storage: opened,
        writer,
        chunks,
        channel,
      });
      early.splice(0).forEach(delivery.expect);
      resolveDelivery(delivery);
    } catch {
      clock.after(RELOAD_MS, () => void loadDelivery(ready, chunks));
    }
  }

  function refuse(problems: readonly EventProblem[]): Tracked {
    writer.lose({ rejected: 1 });
    const refusals = problems.map(({ code, path }) => ({ sequence: 0, code, path, message: '' }));
    emitter.emit('rejected', { batch: null, count: 1, refusals });
    return {
      stored: Promise.resolve({ status: 'rejected', problems }),
      delivered: Promise.resolve({ status: 'rejected', code: '', path: '', message: '', ...problems[0] }),
    };
  }

  function accept(ready: Config, nowMs: number, values: Values, args: unknown): Tracked {
    const list: readonly unknown[] = Array.isArray(args) ? args : [];
    const [type, context, given] = list;
    const options = isRecord(given) ? given : {};
    const { customer = ready.customer, product = ready.product, timestamp = nowMs } = options;
    const { version = ready.version } = options;
    const ordered = orderContext(context, ready.contextKeys[String(type)], values);
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

  /** Takes the arguments as text: the caller's own may change before they are looked at. */
  function acceptLater(nowMs: number, args: readonly unknown[]): Tracked {
    const values = shared;
    const text = JSON.stringify(args);
    const tracked = started
      .then((ready) => accept(ready, nowMs, values, JSON.parse(text)))
      .catch(refuseMalformed);
    return {
      stored: tracked.then((later) => later.stored),
      delivered: tracked.then((later) => later.delivered),
    };
  }

  // For what throws when it is looked at: as malformed as any other wrong value.
  const refuseMalformed = (): Tracked => refuse([{ code: 'REQUEST_PARAMETER_MALFORMED', path: '' }]);

  const describe = (): Status => ({
    events: writer.count(),
    batches: 0,
    bytes: 0,
    oldestAgeMs: null,
    lastAnswer: null,
    nextAttemptAt: null,
    storage: 'opening',
    worker: config?.worker ? 'loading' : 'none',
    ledger: EMPTY_LEDGER,
  });

  const whenReady = (): Promise<PageDelivery | undefined> => within(delivering, READY_LIMIT_MS, clock);

  return {
    init(options) {
      try {
        if (config) return;
        const ready = parts.configure(options);
        const chunks = parts.chunksOf(ready.assets);
        config = ready;
        start(ready);
        openStorage(chunks);
        void parts.whenQuiet().then(() => loadDelivery(ready, chunks));
      } catch {
        // No options at all: a later call may bring some.
      }
    },
    track(...args) {
      if (isClosed) return CLOSED;
      const nowMs = clock.now();
      try {
        if (config) return accept(config, nowMs, shared, args);
        if (++uninitiated <= MAX_EARLY) return acceptLater(nowMs, args);
      } catch {
        return refuseMalformed();
      }
      writer.lose({ dropped: 1 });
      return CLOSED;
    },
    setContext(values) {
      try {
        shared = { ...shared, ...values };
      } catch {
        // Something that throws when it is looked at: nothing is taken of it.
      }
    },
    clearContext() {
      shared = {};
    },
    flush: async () => (await whenReady())?.flush(),
    status: async () => (await whenReady())?.status() ?? describe(),
    on: emitter.on,
    async close() {
      isClosed = true;
      delivery?.stop();
      const closing = writer.settled().then(() => config && storage.then((opened) => opened.close()));
      await within(closing, READY_LIMIT_MS, clock);
    },
  };
}

type Values = Readonly<Record<string, string | null>>;

const DROPPED = Promise.resolve({ status: 'dropped' } as const);
const CLOSED: Tracked = { stored: DROPPED, delivered: DROPPED };
