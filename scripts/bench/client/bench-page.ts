import { quantile } from '../table.ts';
import type { Collector, StoredOutcome } from '../../../client/page/api.ts';

/** What a bench page tracks. */
export interface BenchEvent {
  readonly type: string;
  readonly context: readonly (string | null)[];
  readonly timestamp: number;
}

/** What one run of the loop cost its page. */
export interface LoopCost {
  readonly trackMs: number;
  readonly trackP99Ms: number;
  readonly framesMs: number;
  readonly longTasks: number;
  /** From the first call of a frame until its event is stored; empty where nothing says so. */
  readonly durableMs: readonly number[];
}

export interface BacklogCost {
  readonly loopMs: number;
  readonly durableMs: number;
}

/** What the bench calls in its pages. */
export interface BenchPage {
  /** Fetches the first events of the data set: what the other methods track. */
  load(count: number): Promise<void>;
  /** Tracks all events, so many in each animation frame, as they happen. */
  runFrames(perFrame: number): Promise<LoopCost>;
  /** Tracks each event in a task of its own, and waits until all are stored. */
  runTasks(): Promise<BacklogCost>;
  /** Tracks all events in one task, and waits until all are stored. */
  runBurst(): Promise<void>;
  /** Tracks an event from time to time, for a while. */
  runSlowly(everyMs: number, forMs: number): void;
  /** Tracks an event at once. @returns Milliseconds from the script's arrival until the event was stored. */
  firstDurable(): Promise<number>;
  /** Keeps the main thread busy, so that its process can be told from others. */
  burn(forMs: number): void;
  waybill(): Collector;
}

/** Says when the event is stored, where anything does. */
type Track = (event: BenchEvent, isTimed?: boolean) => Promise<StoredOutcome | undefined>;

declare global {
  interface Window {
    bench: BenchPage;
    /** Brought by the script of another product. */
    benchPeer?: (event: BenchEvent) => void;
    /** On pages with the query `?first`. */
    benchFirst?: Promise<number>;
  }
}

const UNKNOWN = Promise.resolve(undefined);
const { variant, endpoint = '' } = document.documentElement.dataset;
const track = pickTrack();
let events: readonly BenchEvent[] = [];

window.bench = {
  async load(count) {
    const loaded: unknown = await (await fetch(`/data-set/${count}`)).json();
    if (isEvents(loaded)) events = loaded;
  },
  async runFrames(perFrame) {
    let longTasks = 0;
    const observer = new PerformanceObserver((list) => (longTasks += list.getEntries().length));
    observer.observe({ type: 'longtask' });
    const spans: number[] = [];
    const durableMs: number[] = [];
    const stored: Promise<unknown>[] = [];
    await nextFrame();
    const startAt = performance.now();
    for (let place = 0; place < events.length; place += perFrame) {
      let first: Promise<StoredOutcome | undefined> | undefined;
      const frameAt = performance.now();
      for (const event of events.slice(place, place + perFrame)) {
        const beginAt = performance.now();
        const outcome = track(event);
        spans.push(performance.now() - beginAt);
        first ??= outcome;
      }
      stored.push(
        (first ?? UNKNOWN).then((outcome) => outcome && durableMs.push(performance.now() - frameAt)),
      );
      await nextFrame();
    }
    const framesMs = performance.now() - startAt;
    await Promise.all(stored);
    observer.disconnect();
    const trackMs = spans.reduce((sum, span) => sum + span, 0);
    const trackP99Ms = quantile(spans, 0.99);
    return { trackMs, trackP99Ms, framesMs, longTasks, durableMs };
  },
  async runTasks() {
    const { port1, port2 } = new MessageChannel();
    const startAt = performance.now();
    let loopMs = 0;
    let left = events.length;
    await new Promise<void>((resolve) => {
      let place = 0;
      port1.addEventListener('message', () => {
        const event = events[place++];
        if (!event) return;
        void track(event, true).then(() => --left === 0 && resolve());
        if (place < events.length) port2.postMessage(0);
        else loopMs = performance.now() - startAt;
      });
      port1.start();
      port2.postMessage(0);
    });
    const durableMs = performance.now() - startAt;
    port1.close();
    return { loopMs, durableMs };
  },
  async runBurst() {
    await Promise.all(events.map((event) => track(event, true)));
  },
  runSlowly(everyMs, forMs) {
    let place = 0;
    const timer = setInterval(() => {
      const event = events[place++];
      if (event) void track(event);
    }, everyMs);
    setTimeout(() => clearInterval(timer), forMs);
  },
  async firstDurable() {
    const script = performance.getEntriesByType('resource').find(({ name }) => name.endsWith('/waybill.js'));
    if (!script) throw new Error('the script has not come');
    await track({ type: 'PORTFOLIO-APPLICATION-LOADED', context: ['first'], timestamp: 0 });
    return performance.now() - script.startTime - script.duration;
  },
  burn(forMs) {
    const endAt = performance.now() + forMs;
    while (performance.now() < endAt);
  },
  waybill,
};

if (location.search === '?first') window.benchFirst = window.bench.firstDurable();

function pickTrack(): Track {
  if (variant === 'none') return () => UNKNOWN;
  if (variant === 'naive') return trackNaively;
  if (variant === 'peer') {
    const { benchPeer } = window;
    if (!benchPeer) throw new Error('the script has not come');
    return (event) => {
      benchPeer(event);
      return UNKNOWN;
    };
  }
  const collector = waybill();
  return ({ type, context, timestamp }, isTimed) =>
    collector.track(type, context, isTimed ? { timestamp } : undefined).stored;
}

/** One request an event: what a site without any product does. */
function trackNaively({ type, context }: BenchEvent): Promise<undefined> {
  const { customer, product, version } = document.documentElement.dataset;
  const event = { customer, product, type, timestamp: Date.now(), context, version };
  const body = JSON.stringify({ events: [event] });
  const headers = { 'Content-Type': 'application/json' };
  // Refused by the browser when too many are on their way: lost.
  fetch(endpoint, { method: 'POST', keepalive: true, headers, body }).catch(() => undefined);
  return UNKNOWN;
}

function waybill(): Collector {
  if (!window.waybill || 'q' in window.waybill) throw new Error('the script has not come');
  return window.waybill;
}

function isEvents(value: unknown): value is readonly BenchEvent[] {
  return Array.isArray(value);
}

function nextFrame(): Promise<unknown> {
  return new Promise((resolve) => {
    requestAnimationFrame(resolve);
  });
}
