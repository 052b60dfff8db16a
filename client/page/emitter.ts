import type { CollectorEvents } from './api.ts';

type Listeners = { readonly [Name in keyof CollectorEvents]: Set<(event: CollectorEvents[Name]) => void> };

export interface Emitter {
  readonly on: <Name extends keyof CollectorEvents>(
    name: Name,
    listener: (event: CollectorEvents[Name]) => void,
  ) => () => void;
  readonly emit: <Name extends keyof CollectorEvents>(name: Name, event: CollectorEvents[Name]) => void;
  readonly has: (name: keyof CollectorEvents) => boolean;
}

/** Calls each listener in a task of its own: what it throws is the page's to see, and stops nothing here. */
export function createEmitter(): Emitter {
  const listeners: Listeners = {
    delivered: new Set(),
    rejected: new Set(),
    dropped: new Set(),
    status: new Set(),
  };
  return {
    on(name, listener) {
      // A name that is none of ours is the page's mistake, and no reason to throw into it: not one that
      // every object has, either.
      const found = Object.keys(listeners).includes(name) ? listeners[name] : undefined;
      found?.add(listener);
      return () => void found?.delete(listener);
    },
    emit(name, event) {
      for (const listener of listeners[name]) setTimeout(() => listener(event));
    },
    has: (name) => listeners[name].size > 0,
  };
}
