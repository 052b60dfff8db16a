import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import { utf8Length } from '../../shared/text.ts';
import type { EventQueue } from '../queue/event-queue.ts';
import { isFull } from '../queue/make-room.ts';
import { ENVELOPE_BYTES } from '../queue/queue-limits.ts';
import type { LossReason } from '../queue/records.ts';
import type { Clock } from './clock.ts';
import { createBurst, nameBurst, type PendingBurst } from './pending-burst.ts';
import { persist } from './persist.ts';

const MAX_BURST_BYTES = DEFAULT_LIMITS.maxBodyBytes - ENVELOPE_BYTES;

/** Events held in memory while storage can't be written; beyond, the oldest burst is dropped. */
const MAX_MEMORY_BYTES = 16_777_216;

export interface WriterParts {
  /** Asked before each attempt: resolves when events may be stored. */
  readonly queue: () => Promise<EventQueue>;
  readonly clock: Clock;
  /** A burst of events has got its id, and something will become of it. */
  readonly onBurst: (burst: PendingBurst) => void;
  readonly onStored: (burst: PendingBurst) => void;
  readonly onDropped: (burst: PendingBurst) => void;
}

export interface BurstWriter {
  /**
   * Takes an event's JSON text; it is written in this task or, if a write is under way, after that one.
   *
   * @returns The burst whose last event it is now.
   */
  add(text: string): PendingBurst;
  /** Counts events that will not be written, with the next write. */
  readonly lose: (reason: LossReason, count: number) => void;
  /** Forgets what is not stored, also what is being written, and the losses. */
  discard(): void;
  /**
   * Begins every write that waits for another one, for a moment also of what is yet to come: the page may be about to
   * go.
   *
   * @param divert - May take a burst instead of the queue in that time: what pages track when they are left comes then.
   */
  force(divert?: Divert): void;
  /** Resolves when nothing is left to write. */
  settled(): Promise<void>;
  /** Events that are not stored yet. */
  count(): number;
}

/** Takes a burst over, and returns what stores it, to be called until it does; undefined if the queue is to have it. */
export type Divert = (burst: PendingBurst) => (() => Promise<void>) | undefined;

/** A page that still runs after this was not left. */
const LEAVING_MS = 1_000;

/**
 * Gathers events into bursts, and writes what has come together while the writes before it were under way.
 *
 * Without that gate, events that come in many small tasks pile up transactions faster than the browser
 * completes them, and become durable ever later.
 */
export function createBurstWriter({ queue, clock, onBurst, onStored, onDropped }: WriterParts): BurstWriter {
  const waiting: PendingBurst[] = [];
  const writing = new Set<PendingBurst>();
  let lost: Record<string, number> | undefined;
  let pump: Promise<void> | undefined;
  let memoryBytes = 0;
  let isFailing = false;
  let divert: Divert | undefined;
  /** Ends the time in which the page may be about to go. */
  let stay: (() => void) | undefined;

  function lose(reason: LossReason, count: number): void {
    lost = { ...lost, [reason]: (lost?.[reason] ?? 0) + count };
    wake();
  }

  // After the current task's own code, before anything else can end the page.
  function wake(): void {
    if (stay) void Promise.resolve().then(writeWaiting);
    pump ??= Promise.resolve().then(drain);
  }

  /** All of it now, whatever else is being written. */
  function writeWaiting(): void {
    for (const burst of waiting.splice(0)) void write(burst);
    if (lost) void write(createBurst(clock.now()));
  }

  /**
   * What is to be written next. Also if it is more than one burst: the page may go with the task that tracked them. After
   * a failure one at a time, until none waits: each would be tried again and again, and the oldest could not be dropped.
   */
  function takeWaiting(): PendingBurst[] {
    if (lost && waiting.length === 0) waiting.push(createBurst(clock.now()));
    const bursts = waiting.splice(0, isFailing ? 1 : waiting.length);
    isFailing &&= waiting.length > 0;
    return bursts;
  }

  async function drain(): Promise<void> {
    for (let bursts; (bursts = takeWaiting()).length > 0;) await Promise.all(bursts.map(write));
    pump = undefined;
  }

  function tryDivert(burst: PendingBurst): ReturnType<Divert> {
    try {
      return divert?.(burst);
    } catch {
      // A part of another build: the queue takes it.
      return undefined;
    }
  }

  /** Never rejects: whatever fails, the next burst is written. */
  async function write(burst: PendingBurst): Promise<void> {
    writing.add(burst);
    nameBurst(burst);
    const { id, count, bytes, createdAt } = burst;
    if (count > 0) tell(() => onBurst(burst));
    const store = count > 0 && tryDivert(burst);
    const losses = !store && lost && { lost };
    if (losses) lost = undefined;
    let triedAt: number | undefined;
    let isUnsure = false;
    // The storage may be full or its connection dead. The events wait here; a later attempt reopens it.
    await persist(async (attempt) => {
      const opened = await queue();
      if (!writing.has(burst)) return;
      const repeatedAt = clock.now();
      triedAt ??= repeatedAt;
      const events = burst.texts.join(',');
      const record = { id, events, count, bytes, createdAt, triedAt, repeatedAt, isUnsure, ...losses };
      let isStored: boolean;
      try {
        isStored = store ? (await store(), true) : await opened.enqueue(record, attempt > 0);
      } catch (error) {
        isFailing = true;
        isUnsure ||= !isFull(error);
        throw error;
      }
      // The next write does not wait for it, nor does delivery.
      void Promise.resolve(opened.renewal?.()).then(() =>
        burst.resolveStored(isStored ? { status: 'stored', storage: opened.kind } : { status: 'dropped' }),
      );
      if (!isStored) onDropped(burst);
    }, clock);
    if (!writing.delete(burst)) return;
    memoryBytes -= bytes;
    burst.texts = [];
    if (count > 0) tell(() => onStored(burst));
  }

  function dropOldest(): void {
    const oldest = waiting.shift();
    if (!oldest) return;
    memoryBytes -= oldest.bytes;
    // Whoever waits for its outcome keeps the burst.
    oldest.texts = [];
    oldest.resolveStored({ status: 'dropped' });
    lose('dropped:memory', oldest.count);
    nameBurst(oldest);
    onBurst(oldest);
    onDropped(oldest);
  }

  function openBurst(bytes: number): PendingBurst {
    const last = waiting[waiting.length - 1];
    const hasRoom =
      last && last.count < DEFAULT_LIMITS.maxEvents && last.bytes + bytes + 1 <= MAX_BURST_BYTES;
    if (hasRoom) return last;
    const burst = createBurst(clock.now());
    waiting.push(burst);
    return burst;
  }

  return {
    add(text) {
      const bytes = utf8Length(text);
      const burst = openBurst(bytes);
      const size = bytes + (burst.count > 0 ? 1 : 0);
      burst.count++;
      burst.texts.push(text);
      burst.bytes += size;
      memoryBytes += size;
      if (memoryBytes > MAX_MEMORY_BYTES) dropOldest();
      wake();
      return burst;
    },
    lose,
    discard() {
      for (const burst of [...waiting.splice(0), ...writing]) {
        burst.texts = [];
        burst.resolveStored({ status: 'discarded', reason: 'privacy' });
      }
      writing.clear();
      memoryBytes = 0;
      lost = undefined;
    },
    force(by) {
      divert = by;
      writeWaiting();
      stay?.();
      const cancel = clock.after(LEAVING_MS, () => {
        stay = undefined;
        divert = undefined;
      });
      stay = cancel;
    },
    async settled() {
      await pump;
      await Promise.all([...writing].map((burst) => burst.stored));
    },
    count: () => [...waiting, ...writing].reduce((sum, burst) => sum + burst.count, 0),
  };
}

/** Whatever the others do about it, what comes next is stored: they have their own ways to find what is queued. */
function tell(others: () => void): void {
  try {
    others();
  } catch {
    // A part of another build.
  }
}
