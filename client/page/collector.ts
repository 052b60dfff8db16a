import { EMPTY_LEDGER } from '../../shared/batch.ts';
import { isRecord } from '../../shared/text.ts';
import { announce } from '../delivery/announce.ts';
import { createEventQueue } from '../queue/create-event-queue.ts';
import type { OpenedStorage } from '../queue/open-storage.ts';
import type { Collector, CollectorOptions, Discarded, Problem, Status, Tracked } from './api.ts';
import { createBurstWriter } from './burst-writer.ts';
import type { Clock } from './clock.ts';
import { createConsent } from './consent.ts';
import { defer } from './defer.ts';
import type { Emitter } from './emitter.ts';
import type { Chunks } from './load-chunk.ts';
import type { Config } from './options.ts';
import type { PageDelivery } from './page-delivery.ts';
import { ERASED, type PendingBurst } from './pending-burst.ts';
import { persist } from './persist.ts';
import { prepareEvent, type TrackCall } from './prepare-event.ts';
import { within } from './within.ts';

/** Bursts whose outcome is of interest once the other part has been loaded, and events before `init`, at most. */
const MAX_EARLY = 10_000;

/** Characters of the arguments of calls before `init`, at most. */
const MAX_EARLY_LENGTH = 8_388_608;

/** Longest wait for the other part, or for storage, on behalf of a caller. */
const READY_LIMIT_MS = 10_000;

export interface CollectorParts {
  readonly clock: Clock;
  readonly emitter: Emitter;
  /** To the other tabs and the worker; undefined where the browser has none. */
  readonly openChannel: () => BroadcastChannel | undefined;
  configure(options: CollectorOptions): Config;
  chunksOf(assets: string): Chunks;
  openStorage(endpoint: string, chunks: Chunks): Promise<OpenedStorage>;
  /** Resolves when loading more would no longer be in the page's own way. */
  whenQuiet(): Promise<void>;
}

/**
 * A page's collector: this part gets events stored, and loads the part that has them delivered.
 *
 * It is complete without the other: while that can't be loaded, events are stored all the same.
 */
export function createCollector({ clock, emitter, ...parts }: CollectorParts): Collector {
  let config: Config | undefined;
  let delivery: PageDelivery | undefined;
  let shared: Values = {};
  let isClosed = false;
  let uninitiated = 0;
  let uninitiatedLength = 0;
  /** How often the user has opted out: what was tracked before is void. */
  let optOuts = 0;
  /** Bursts that the other part has not heard of yet. */
  const early: PendingBurst[] = [];
  const [delivering, resolveDelivery] = defer<PageDelivery>();
  const [started, start] = defer<Config>();
  const chunks = started.then(({ assets }) => parts.chunksOf(assets));

  const consent = createConsent({
    clock,
    started,
    tell(announcement) {
      if (delivery && !isClosed) return delivery.tell(announcement);
      // Nothing of this page listens yet.
      const channel = parts.openChannel();
      announce(channel, announcement);
      channel?.close();
    },
    open: ({ endpoint }) => persist(async () => parts.openStorage(endpoint, await chunks), clock),
    onRefused() {
      optOuts++;
      writer.discard();
      for (const burst of early.splice(0)) burst.outcomes.push(ERASED);
      delivery?.erased();
    },
  });

  const writer = createBurstWriter({
    queue: async () => createEventQueue((await consent.settled()).storage, (await started).endpoint),
    clock,
    onBurst(burst) {
      if (delivery) delivery.expect(burst);
      else if (early.push(burst) > MAX_EARLY) early.shift();
    },
    onStored: (burst) => delivery?.stored(burst),
    onDropped: (burst) => void delivering.then((ready) => ready.dropped(burst)),
  });

  async function loadDelivery(ready: Config): Promise<void> {
    await Promise.all([consent.granted, parts.whenQuiet()]);
    const { storage } = await consent.opened;
    const loader = await chunks;
    const usesWorker = ready.worker && storage.kind === 'indexeddb' && 'serviceWorker' in navigator;
    await persist(async () => {
      const chunk = await (usesWorker ? loader.link() : loader.flush());
      if (isClosed) return;
      const created = chunk.openDelivery({
        config: ready,
        clock,
        consent,
        describe,
        emitter,
        storage,
        writer,
        chunks: loader,
        openChannel: parts.openChannel,
      });
      early.splice(0).forEach(created.expect);
      // Last: a part of another build that lacks something must not get in the way of `track()`.
      delivery = created;
      resolveDelivery(created);
    }, clock);
  }

  function refuse(problems: readonly Problem[]): Tracked {
    writer.lose(`rejected:${problems[0]?.code}`, 1);
    const refusals = problems.map(({ code, path }) => ({ sequence: 0, code, path, message: '' }));
    emitter.emit('rejected', { batch: null, count: 1, refusals });
    return {
      stored: Promise.resolve({ status: 'rejected', problems }),
      delivered: Promise.resolve({ status: 'rejected', code: '', path: '', message: '', ...problems[0] }),
    };
  }

  function accept(ready: Config, nowMs: number, values: Values, call: TrackCall): Tracked {
    const prepared = prepareEvent(ready, nowMs, values, call);
    if (!prepared) return BEFORE_SEND;
    if (!prepared.ok) return refuse(prepared.problems);
    const burst = writer.add(prepared.text);
    return new TrackedEvent(burst, burst.count - 1, delivering);
  }

  /** Takes the arguments as text: the caller's own may change before they are looked at. */
  function acceptLater(nowMs: number, call: TrackCall): Tracked {
    const values = shared;
    const text = JSON.stringify(call);
    if (uninitiatedLength + text.length > MAX_EARLY_LENGTH) return loseEarly();
    uninitiatedLength += text.length;
    const optOutsBefore = optOuts;
    const tracked = started
      .then((ready) => {
        if (optOuts > optOutsBefore) return PRIVACY;
        const kept: unknown = JSON.parse(text);
        return accept(ready, nowMs, values, isRecord(kept) ? kept : {});
      })
      .catch(refuseMalformed);
    return {
      stored: tracked.then((later) => later.stored),
      delivered: tracked.then((later) => later.delivered),
    };
  }

  function loseEarly(): Tracked {
    writer.lose('dropped:early', 1);
    return CLOSED;
  }

  // For what throws when it is looked at: as malformed as any other wrong value.
  const refuseMalformed = (): Tracked => refuse([{ code: 'REQUEST_PARAMETER_MALFORMED', path: '' }]);

  const describe = (): Status => ({
    events: writer.count(),
    unstored: writer.count(),
    batches: 0,
    bytes: 0,
    oldestAgeMs: null,
    lastAnswer: null,
    nextAttemptAt: null,
    storage: 'opening',
    worker: config?.worker ? 'loading' : 'none',
    consent: consent.state(),
    ledger: EMPTY_LEDGER,
    losses: {},
  });

  /** Undefined at once where the other part is not to be loaded. */
  async function whenReady(): Promise<PageDelivery | undefined> {
    if (delivery || consent.state() === 'pending') return delivery;
    const ready = consent.settled().then(() => (consent.state() === 'refused' ? delivery : delivering));
    return within(ready, READY_LIMIT_MS, clock);
  }

  return {
    init(options) {
      try {
        if (config || !options) return;
        const ready = parts.configure(options);
        config = ready;
        start(ready);
        consent.begin(ready);
        void loadDelivery(ready);
      } catch {
        // No options at all: a later call may bring some.
      }
    },
    track(type, context, options) {
      if (isClosed) return CLOSED;
      if (consent.state() === 'refused') return PRIVACY;
      const nowMs = clock.now();
      try {
        const call = { type, context, options };
        if (config) return accept(config, nowMs, shared, call);
        if (++uninitiated <= MAX_EARLY) return acceptLater(nowMs, call);
      } catch {
        return refuseMalformed();
      }
      return loseEarly();
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
    optOut: consent.optOut,
    optIn: consent.optIn,
    async close() {
      isClosed = true;
      delivery?.stop();
      const closing = writer
        .settled()
        .then(() => config && consent.opened.then(({ storage }) => storage.close()));
      await within(closing, READY_LIMIT_MS, clock);
    },
  };
}

/** An event that is on its way. Most callers want neither promise: the second is made when it is asked for. */
class TrackedEvent implements Tracked {
  declare readonly stored: Tracked['stored'];
  declare private readonly burst: PendingBurst;
  declare private readonly index: number;
  declare private readonly delivering: Promise<PageDelivery>;

  constructor(burst: PendingBurst, index: number, delivering: Promise<PageDelivery>) {
    this.stored = burst.stored;
    this.burst = burst;
    this.index = index;
    this.delivering = delivering;
  }

  get delivered(): Tracked['delivered'] {
    return this.stored.then((outcome) =>
      // Where consent is refused from the start, the other part is never loaded.
      outcome.status === 'discarded'
        ? outcome
        : this.delivering.then((loaded) => loaded.delivered(this.burst, this.index)),
    );
  }
}

type Values = Readonly<Record<string, string | null>>;

const CLOSED = settle({ status: 'dropped' });
const PRIVACY = settle({ status: 'discarded', reason: 'privacy' });
const BEFORE_SEND = settle({ status: 'discarded', reason: 'before-send' });

/** What nothing more will happen to. */
function settle(outcome: Discarded | { readonly status: 'dropped' }): Tracked {
  const settled = Promise.resolve(outcome);
  return { stored: settled, delivered: settled };
}
