import { announce, type Announcement } from '../delivery/announce.ts';
import type { FlusherParts } from '../delivery/flusher.ts';
import { runInTurn } from '../delivery/run-in-turn.ts';
import { isRecord } from '../../shared/text.ts';
import { createQueueMonitor } from '../queue/create-queue-monitor.ts';
import type { Storage } from '../queue/storage.ts';
import type { DeliveredOutcome, Status } from './api.ts';
import type { BurstWriter } from './burst-writer.ts';
import type { Clock } from './clock.ts';
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

/** How long `flush()` waits for what was just tracked to be stored. */
const SETTLE_LIMIT_MS = 2_000;

/** What the first-loaded part of the page hands over. */
export interface DeliveryParts {
  readonly config: Config;
  readonly clock: Clock;
  /** The status as far as the queue has no part in it. */
  readonly describe: () => Status;
  readonly emitter: Emitter;
  readonly storage: Storage;
  readonly writer: BurstWriter;
  readonly chunks: Chunks;
  readonly channel: BroadcastChannel | undefined;
}

interface Surroundings {
  /** When the page was opened. */
  readonly startedAt: number;
  readonly connect?: () => Promise<WorkerLink | undefined>;
  readonly createFlusher?: typeof createPageFlusher;
}

/** Everything that happens to a page's events once they are stored. */
export interface PageDelivery {
  /** A burst of this page, begun or long stored. */
  readonly expect: (burst: PendingBurst) => void;
  /** A burst is in the queue. */
  readonly stored: (burst: PendingBurst) => void;
  /** A burst was given up before it could be stored. */
  readonly dropped: (burst: PendingBurst) => void;
  readonly delivered: (burst: PendingBurst, index: number) => Promise<DeliveredOutcome>;
  readonly flush: () => Promise<void>;
  readonly status: () => Promise<Status>;
  readonly stop: () => void;
}

export function createPageDelivery(parts: DeliveryParts & Surroundings): PageDelivery {
  const { channel, clock, config, emitter, startedAt, storage, writer } = parts;
  const { endpoint } = config;
  const monitor = createQueueMonitor(storage, endpoint);
  const receipts = createReceipts(emitter);
  let bytesUntilTrim = 0;
  let isTelling = false;
  let hasCaughtUp = false;

  const onAnswer: FlusherParts['onAnswer'] = (answered, done) => {
    const announcement = { endpoint: answered, done: done ?? null };
    announce(channel, announcement);
    hear(announcement);
  };
  const deliverer = createDeliverer({
    clock,
    // What is in this page's memory no worker can see.
    connect: storage.kind === 'indexeddb' ? parts.connect : undefined,
    loadFlusher: async () => {
      const createFlusher = parts.createFlusher ?? (await parts.chunks.flush()).createFlusher;
      return createFlusher(storage, parts.chunks, onAnswer);
    },
  });
  const scheduler = createFlushScheduler({
    clock,
    deliver: runInTurn(
      async (wish) => {
        const report = await deliverer.deliver(wish);
        changed();
        return report;
      },
      (left, right) => ({ urgent: left.urgent || right.urgent }),
    ),
    async status() {
      const queued = await monitor.status(clock.now());
      // After it: once the queue is seen empty, nothing that left it is missed.
      await catchUp();
      return queued;
    },
    onPlanned: () => deliverer.planned(),
  });

  function hear({ endpoint: answered, done }: Announcement): void {
    if (answered !== endpoint) return;
    if (done) receipts.settle(done, true);
    changed();
  }

  /** Learns from the queue what no message has told: this page may have been loading, or frozen. */
  async function catchUp(): Promise<void> {
    if (hasCaughtUp && !receipts.hasPending() && !emitter.has('delivered')) return;
    try {
      for (const done of await monitor.done()) {
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
    // A storage that can't be read now is reported as empty, not thrown at the page.
    const queued = await monitor.status(clock.now()).catch(() => undefined);
    const held = { ...parts.describe(), storage: storage.kind, worker: deliverer.workerState() };
    return queued ? describeStatus(held, queued, clock.now()) : held;
  }

  const onMessage = (event: MessageEvent<unknown>): void => {
    if (isAnnouncement(event.data)) hear(event.data);
  };
  channel?.addEventListener('message', onMessage);
  const unwatch = watchLifecycle({
    leaving() {
      writer.force();
      deliverer.leave();
      if (deliverer.workerState() !== 'active') void scheduler.flush(false);
    },
    visible: () => void scheduler.look(),
    online: () => void scheduler.flush(true),
  });
  // Also registers the worker, so that it is there when the page goes.
  void scheduler.flush(false);

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
    delivered: receipts.delivered,
    async flush() {
      await within(writer.settled(), SETTLE_LIMIT_MS, clock);
      await scheduler.flush(true);
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
