import type { Collector, Context, TrackOptions } from '../page/api.ts';
import type { Tracker } from './tracker.ts';

/** Events held until there is a collector or its stub, at most. */
const MAX_EARLY = 10_000;

export interface PageWaybill extends Tracker {
  /** The page's collector, once its script has come. */
  collector(): Collector | undefined;
  /** Stops waiting for it. */
  stop(): void;
}

/**
 * Stands for the page's `window.waybill`, which may still be a stub or nothing at all: scripts that load by themselves
 * come in any order. What is tracked before is kept with its time.
 *
 * @param onCollector - Called in the moment in which the collector's script puts it there, before that script does
 *   anything with it. Where the page has made that impossible to see, after the script.
 */
export function watchWaybill(onCollector: (collector: Collector) => void): PageWaybill {
  const early: [type: string, context: Context | undefined, options: TrackOptions][] = [];
  let seen: Collector | undefined;
  let unwatch: (() => void) | undefined;

  function look(found: unknown): void {
    if (isCollector(found) && found !== seen) {
      unwatch?.();
      unwatch = undefined;
      seen = found;
      onCollector(found);
    }
    if (isTracker(found)) for (const args of early.splice(0)) found.track(...args);
  }

  look(window.waybill);
  if (!seen) unwatch = watchGlobal(look);
  return {
    collector: () => seen,
    track(type, context, options) {
      const found: unknown = window.waybill;
      look(found);
      if (isTracker(found)) found.track(type, context, options);
      else if (early.length < MAX_EARLY) early.push([type, context, { timestamp: Date.now(), ...options }]);
    },
    stop: () => unwatch?.(),
  };
}

/** @returns What ends it. */
function watchGlobal(look: (found: unknown) => void): () => void {
  const present = Object.getOwnPropertyDescriptor(window, 'waybill');
  const isPlain = !present || (present.configurable === true && 'value' in present);
  // A stub that was declared with `var` can't be redefined. The event tells of scripts right after they have run.
  if (!isPlain) {
    const onLoad = (): void => look(window.waybill);
    document.addEventListener('load', onLoad, true);
    return () => document.removeEventListener('load', onLoad, true);
  }
  let value: unknown = window.waybill;
  const get = (): unknown => value;
  define({
    get,
    set(assigned: unknown) {
      value = assigned;
      look(assigned);
    },
  });
  return () => {
    if (Object.getOwnPropertyDescriptor(window, 'waybill')?.get !== get) return;
    if (value === undefined) Reflect.deleteProperty(window, 'waybill');
    else define({ value, writable: true });
  };
}

function define(attributes: PropertyDescriptor): void {
  Object.defineProperty(window, 'waybill', { configurable: true, enumerable: true, ...attributes });
}

function isTracker(value: unknown): value is Tracker {
  return typeof value === 'object' && value !== null && 'track' in value && typeof value.track === 'function';
}

/** As the script itself tells: the stub has `q`. */
function isCollector(value: unknown): value is Collector {
  return isTracker(value) && !('q' in value);
}
