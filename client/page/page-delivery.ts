import { announce, type Announcement } from '../delivery/announce.ts';
import type { FlusherParts } from '../delivery/flusher.ts';
import { runInTurn } from '../delivery/run-in-turn.ts';
import { isRecord } from '../../shared/text.ts';
import { createQueueMonitor } from '../queue/create-queue-monitor.ts';
import type { Storage } from '../queue/storage.ts';
import type { DeliveredOutcome, Status } from './api.ts';
import { awaitDelivery } from './burst-outcomes.ts';
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
  readonly emitter: Emitter;
  readonly storage: Storage;
  readonly writer: BurstWriter;
  readonly chunks: Chunks;
  readonly channel: BroadcastChannel | undefined;
}

interface Senders {
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

export function createPageDelivery(parts: DeliveryParts & Senders): PageDelivery {
  const { channel, clock, config, emitter, storage, writer } = parts;
  const { endpoint } = config;
  const monitor = createQueueMonitor(storage, endpoint);
  const receipts = createReceipts(emitter);
  let bytesUntilTrim = 0;
  let isTelling = false;

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
        if (!channel) await catchUp();
        changed();
        return report;
      },
      (left, right) => ({ urgent: left.urgent || right.urgent }),
    ),
    status: () => monitor.status(clock.now()),
    onPlanned: () => deliverer.planned(),
  });

  function hear({ endpoint: answered, done }: Announcement): void {
    if (answered !== endpoint) return;
    if (done) receipts.settle(done);
    changed();
  }

  /** Learns from the queue what no message has told: this page may have been frozen. */
  async function catchUp(): Promise<void> {
    if (receipts.hasPending()) await settleAll(monitor.done());
  }

  async function settleAll(batches: ReturnType<typeof monitor.done>): Promise<void> {
    try {
      for (const done of await batches) receipts.settle(done);
    } catch {
      // The storage is gone for now; the next look at it is another chance.
    }
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
    return describeStatus(queued, writer.count(), storage.kind, deliverer.workerState(), clock.now());
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
    visible() {
      void catchUp();
      void scheduler.look();
    },
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
      void settleAll(monitor.trim(clock.now()));
    },
    dropped({ id, count }) {
      const bursts = [{ burst: id, start: 0, count }];
      const at = clock.now();
      receipts.settle({ endpoint, at, id, outcome: 'dropped', count, bursts, refusals: [] });
      changed();
    },
    delivered: awaitDelivery,
    async flush() {
      const limit = new Promise<void>((resolve) => {
        clock.after(SETTLE_LIMIT_MS, resolve);
      });
      await Promise.race([writer.settled(), limit]);
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
