import type { Context, TrackOptions } from '../page/api.ts';

/** What takes events: a collector, the stub in its place, or what waits for either. */
export interface Tracker {
  track(type: string, context?: Context, options?: TrackOptions): unknown;
}
