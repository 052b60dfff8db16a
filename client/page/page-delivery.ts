import { announce, type Announcement } from '../delivery/announce.ts';
import type { FlusherParts } from '../delivery/flusher.ts';
import { joinWishes } from '../delivery/join-wishes.ts';
import { runInTurn } from '../delivery/run-in-turn.ts';
import { isRecord } from '../../shared/text.ts';
import { DEBOUNCE_MS } from '../../shared/worker-api.ts';
import { createQueueMonitor } from '../queue/create-queue-monitor.ts';
import type { Storage } from '../queue/storage.ts';
import type { DeliveredOutcome, Status } from './api.ts';
import type { BurstWriter, Divert } from './burst-writer.ts';
import type { Clock } from './clock.ts';
import type { Consent } from './consent.ts';
import type { WorkerLink } from './connect-worker.ts';
import { createDeliverer } from './deliverer.ts';
import type { Emitter } from './emitter.ts';
import { createFlushScheduler } from './flush-scheduler.ts';
import type { Chunks } from './load-chunk.ts';
import type { Config } from './options.ts';
import type { createPageFlusher } from './page-flusher.ts';
import { watchLifecycle } from './page-lifecycle.ts';
import { describeStatus } from './page-status.ts';
import type { PendingBurst } from './pending-burst.ts';
import { createReceipts } from './receipts.ts';
import { within } from './within.ts';

/** Bytes stored between two looks at the queue's bounds. */
const TRIM_EVERY_BYTES = 262_144;

/** Changes within this time are told together. */
const STATUS_DELAY_MS = 100;

/** Longest wait for the queue on behalf of a caller. */
const READ_LIMIT_MS = 5_000;

/** How long `flush()` waits for what was just tracked to be stored. */
const SETTLE_LIMIT_MS = 2_000;

/** A run that lasts longer waits for the network, and so do the events. */
const LONG_RUN_MS = 2_000;

/** What the first-loaded part of the page hands over. */
export interface DeliveryParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly consent: Pick<Consent, 'isSettled' | 'obey' | 'state'>;
  /** The status as far as the queue has no part in it. */
  readonly describe: () => Status;
  readonly emitter: Emitter;
  readonly storage: Storage;
  readonly writer: BurstWriter;
  readonly chunks: Chunks;
  /** To the other tabs and the worker; undefined where the browser has none. */
  readonly openChannel: () => BroadcastChannel | undefined;
}

interface Surroundings {
  /** When the page was opened. */
  readonly startedAt: number;
  readonly connect?: () => Promise<WorkerLink | undefined>;
  readonly createFlusher?: typeof createPageFlusher;
}

/** Everything that happens to a page's events once they are stored. */
export interface PageDelivery {
  /** A burst of this page that is about to be written or dropped, or long stored. */
  readonly expect: (burst: PendingBurst) => void;
  /** A burst is in the queue. */
  readonly stored: (burst: PendingBurst) => void;
  /** A burst was given up before it could be stored. */
  readonly dropped: (burst: PendingBurst) => void;
  /** The user has opted out: nothing of this page is left. */
  readonly erased: () => void;
  /** Tells the other tabs, and not this one. */
  readonly tell: (announcement: Announcement) => void;
  readonly delivered: (burst: PendingBurst, index: number) => Promise<DeliveredOutcome>;
  readonly flush: () => Promise<void>;
  readonly status: () => Promise<Status>;
  readonly stop: () => void;
}

export function createPageDelivery(parts: DeliveryParts & Surroundings): PageDelivery {
  const { clock, config, consent, emitter, startedAt, storage, writer } = parts;
  const { endpoint } = config;
  const monitor = createQueueMonitor(storage, endpoint);
  const receipts = createReceipts(emitter);
  let channel: BroadcastChannel | undefined;
  let bytesUntilTrim = 0;
  let isTelling = false;
  let hasCaughtUp = false;
  /** Time of the newest entry of what has left the queue that was read. */
  let readUpTo = 0;

  const onAnswer: FlusherParts['onAnswer'] = (answered, done, holdUntil) => {
    const announcement = { endpoint: answered, done: done ?? null, holdUntil };
    announce(channel, announcement);
    hear(announcement);
  };
  const own = parts.createFlusher?.(storage, parts.chunks, onAnswer);
  const deliverer = createDeliverer({
    clock,
    // What is in this page's memory no worker can see.
    connect: storage.kind === 'indexeddb' ? parts.connect : undefined,
    loadFlusher: async () =>
      own ?? (await parts.chunks.flush()).createFlusher(storage, parts.chunks, onAnswer),
  });
  const scheduler = createFlushScheduler({
    clock,
    deliver: runInTurn(async (wish) => {
      const cancel = clock.after(LONG_RUN_MS, () => void storage.renewLog?.());
      const report = await deliverer.deliver(wish);
      cancel();
      changed();
      return report;
    }, joinWishes),
    // What is in memory goes with the page.
    debounceMs: storage.kind === 'memory' ? 0 : DEBOUNCE_MS,
    async status() {
      const queued = await monitor.status(clock.now());
      const { failures, optedOut } = queued.state;
      // Events have to wait, perhaps for the next start of the browser.
      if (failures > 0) void storage.renewLog?.();
      // The message was missed. Never the other way: a missing flag may have been cleared with the site's data.
      if (optedOut && consent.state() === 'granted') consent.obey(optedOut);
      // After it: once the queue is seen empty, nothing that left it is missed.
      await catchUp();
      return queued;
    },
    onPlanned: () => deliverer.planned(),
  });

  function hear(announcement: Announcement): void {
    const { endpoint: answered, done, holdUntil } = announcement;
    if (answered !== endpoint) return;
    if (done) receipts.settle(done, true);
    if (holdUntil) scheduler.hold(holdUntil);
    else if (done?.outcome === 'delivered') scheduler.lift();
    // What is decided about another's memory is not in the queue.
    const isOthers = announcement.inMemory && storage.kind === 'indexeddb';
    if ('optedOut' in announcement && !isOthers) consent.obey(announcement.optedOut);
    changed();
  }

  /** Learns from the queue what no message has told: this page may have been loading, or frozen. */
  async function catchUp(): Promise<void> {
    if (hasCaughtUp && !receipts.hasPending() && !emitter.has('delivered')) return;
    try {
      let found = await monitor.done(readUpTo - 1);
      // What was read last is gone: pushed out, or all of it was erased.
      if (readUpTo > 0 && found[0]?.at !== readUpTo) found = await monitor.done();
      for (const done of found) {
        readUpTo = done.at;
        // At the first time, most of it left the queue before there was this page.
        receipts.settle(done, hasCaughtUp || (done.at >= startedAt && done.at <= clock.now()));
      }
      hasCaughtUp = true;
    } catch {
      // The storage is gone for now; the next look at it is another chance.
    }
  }

  async function trim(): Promise<void> {
    const dropped = await monitor.trim(clock.now()).catch(() => []);
    for (const done of dropped) receipts.settle(done, true);
  }

  function changed(): void {
    if (isTelling || !emitter.has('status')) return;
    isTelling = true;
    clock.after(STATUS_DELAY_MS, () => {
      isTelling = false;
      void status().then((now) => emitter.emit('status', now));
    });
  }

  async function status(): Promise<Status> {
    // That a storage can't be read now is told, not thrown at the page.
    const reading = monitor.status(clock.now()).catch(() => undefined);
    const queued = await within(reading, READ_LIMIT_MS, clock);
    const held = { ...parts.describe(), worker: deliverer.workerState() };
    return queued ? describeStatus({ ...held, storage: storage.kind }, queued, clock.now()) : held;
  }

  const onMessage = (event: MessageEvent<unknown>): void => {
    if (isAnnouncement(event.data)) hear(event.data);
  };
  const listen = (): void => {
    channel = parts.openChannel();
    channel?.addEventListener('message', onMessage);
  };
  listen();
  const unwatch = watchLifecycle({
    leaving() {
      writer.force(own && divert);
      deliverer.leave();
      // With nothing to send, the lock and the look alone would cost the page its place in the back/forward cache.
      const isBusy = scheduler.hasPlans() || writer.count() > 0;
      if (isBusy && deliverer.workerState() !== 'active')
        void scheduler.flush({ urgent: false, leaving: true });
    },
    visible: () => void scheduler.look(),
    // A message to a page in the back/forward cache throws it out.
    frozen: () => channel?.close(),
    thawed() {
      listen();
      scheduler.doubt();
    },
    online: () => void scheduler.flush({ urgent: true }),
  });
  // Also registers the worker, so that it is there when the page goes.
  void scheduler.flush({ urgent: false });
  // A storage that has no room for it is full already, and made to do without.
  monitor.reserve(clock.now()).catch(() => undefined);

  /** A page that is left sends by itself what it has not written yet. */
  function divert({ id, createdAt, texts, count, bytes }: PendingBurst): ReturnType<Divert> {
    // A decision that is not in the queue yet may be the user's against it.
    if (scheduler.isHeld() || !consent.isSettled()) return undefined;
    return own?.sendLeaving({ endpoint, id, createdAt, count, bytes, events: texts.join(',') });
  }

  return {
    expect: receipts.expect,
    stored(burst) {
      scheduler.stored();
      changed();
      bytesUntilTrim -= burst.bytes;
      if (bytesUntilTrim > 0) return;
      bytesUntilTrim = TRIM_EVERY_BYTES;
      void trim();
    },
    dropped({ id, count }) {
      const bursts = [{ burst: id, start: 0, count }];
      const at = clock.now();
      receipts.settle({ endpoint, at, id, outcome: 'dropped', count, bursts, refusals: [] }, true);
      changed();
    },
    erased() {
      receipts.erased();
      // What is remembered starts anew.
      readUpTo = 0;
      changed();
    },
    tell: (announcement) => announce(channel, announcement),
    delivered: receipts.delivered,
    async flush() {
      await within(writer.settled(), SETTLE_LIMIT_MS, clock);
      await scheduler.flush({ urgent: true });
    },
    status,
    stop() {
      unwatch();
      scheduler.stop();
      channel?.close();
    },
  };
}

function isAnnouncement(value: unknown): value is Announcement {
  return isRecord(value) && typeof value['endpoint'] === 'string' && 'done' in value;
}
