import { DEBOUNCE_MS, type FlushReport, type FlushWish } from '../../shared/worker-api.ts';
import { heldUntil } from '../queue/endpoint-state.ts';
import type { QueueStatus } from '../queue/event-queue.ts';
import { hasPassed, MAX_WAIT_MS } from '../queue/queue-limits.ts';
import type { Clock } from './clock.ts';

/** Longest sleep while anything is queued: another tab or a clock may have changed what is due. */
const HEARTBEAT_MS = 60_000;

export interface SchedulerParts {
  readonly clock: Clock;
  readonly deliver: (wish: FlushWish) => Promise<FlushReport>;
  readonly status: () => Promise<QueueStatus>;
  /** From the first write to the send. */
  readonly debounceMs: number;
  /** A send is planned because something was stored; this page may not live to see it. */
  readonly onPlanned: () => void;
}

export interface FlushScheduler {
  /** Something was stored: send it soon. */
  stored(): void;
  /** Sends now. Never rejects. */
  flush(wish: FlushWish): Promise<void>;
  /** Looks at the queue and sends when something is due. */
  look(): Promise<void>;
  /** Another tab or the worker was told to leave the collector alone until then. */
  hold(untilMs: number): void;
  /** The collector has taken something: what was told may be over. */
  lift(): void;
  /** The page was away: what is known may be out of date. */
  doubt(): void;
  /** Whether the collector is to be left alone now, as far as is known; true until anything is. */
  isHeld(): boolean;
  /** Whether anything is queued, as far as this page knows. */
  hasPlans(): boolean;
  stop(): void;
}

/** Decides when to deliver. Holds no promise that delivery depends on: a lost timer costs time, not events. */
export function createFlushScheduler({
  clock,
  debounceMs,
  deliver,
  status,
  onPlanned,
}: SchedulerParts): FlushScheduler {
  let cancel: (() => void) | undefined;
  let wakeAt = Infinity;
  /** Nothing can be sent before; not asked again until then. */
  let queueHeldUntil = 0;
  /** The same as told, which a look doesn't undo: perhaps it could not be written down, or not yet. */
  let toldUntil = 0;
  let isKnown = false;
  let failures = 0;
  let isStopped = false;

  /** Nothing can be sent before. */
  function waitUntil(): number {
    // Told before the clock was set back, it lies beyond any that could be meant.
    const isOver = hasPassed(toldUntil, clock.now(), MAX_WAIT_MS);
    return Math.max(queueHeldUntil, isOver ? 0 : toldUntil);
  }

  /** @returns Whether that is sooner than what was planned. */
  function wake(wishedAt: number): boolean {
    // A time noted before the clock was set back lies beyond any that could be meant.
    const at = Math.min(wishedAt, clock.now() + HEARTBEAT_MS);
    if (isStopped || at >= wakeAt) return false;
    cancel?.();
    wakeAt = at;
    cancel = clock.after(Math.max(0, at - clock.now()), () => {
      cancel = undefined;
      wakeAt = Infinity;
      void flush({ urgent: false });
    });
    return true;
  }

  async function flush(wish: FlushWish): Promise<void> {
    cancel?.();
    cancel = undefined;
    wakeAt = Infinity;
    const report = await deliver(wish);
    failures = report.ok ? 0 : failures + 1;
    await look();
  }

  async function look(): Promise<void> {
    const now = clock.now();
    try {
      const { dueAt, state } = await status();
      queueHeldUntil = heldUntil(state, now);
      isKnown = true;
      if (dueAt === null) return;
      // What is due although a run has just ended is in somebody else's hands, or nothing could be loaded.
      const pauseMs = Math.min(HEARTBEAT_MS, DEBOUNCE_MS * 2 ** failures);
      wake(Math.max(dueAt, now + pauseMs, waitUntil()));
    } catch {
      wake(now + HEARTBEAT_MS);
    }
  }

  return {
    stored() {
      if (wake(Math.max(clock.now() + debounceMs, waitUntil()))) onPlanned();
    },
    flush,
    look,
    hold(untilMs) {
      toldUntil = Math.min(Math.max(toldUntil, untilMs), clock.now() + MAX_WAIT_MS);
    },
    lift() {
      if (toldUntil <= clock.now()) return;
      toldUntil = 0;
      void look();
    },
    doubt() {
      isKnown = false;
    },
    isHeld: () => !isKnown || clock.now() < waitUntil(),
    hasPlans: () => wakeAt < Infinity,
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}
