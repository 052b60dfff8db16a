import { openChannel } from '../delivery/announce.ts';
import { openStorage } from '../queue/open-storage.ts';
import { QUEUE_NAME } from '../../shared/worker-api.ts';
import type { Collector } from './api.ts';
import { systemClock } from './clock.ts';
import { createCollector } from './collector.ts';
import { createEmitter } from './emitter.ts';
import type { Chunks } from './load-chunk.ts';
import { type OptionDefaults, readOptions } from './options.ts';

/** Longest wait for the page's own files. */
const QUIET_LIMIT_MS = 5_000;

/**
 * A collector with the browser's own clock, storage and network; it waits for `init`.
 *
 * @param chunksOf - How the lazily loaded files are found, given their folder.
 */
export function createPageCollector(
  scriptUrl: string,
  chunksOf: (assets: string) => Chunks,
  defaults?: OptionDefaults,
): Collector {
  return createCollector({
    clock: systemClock,
    emitter: createEmitter(),
    openChannel,
    configure: (options) => readOptions({ ...defaults, ...options }, scriptUrl, location.href),
    chunksOf,
    async openStorage(endpoint, chunks) {
      await whenShown();
      return openStorage(QUEUE_NAME, endpoint, async () => (await chunks.rare()).createMemoryStorage());
    },
    whenQuiet: () =>
      new Promise((resolve) => {
        if (document.readyState === 'complete') resolve();
        else addEventListener('load', () => resolve(), { once: true });
        // Some pages never finish loading.
        setTimeout(resolve, QUIET_LIMIT_MS);
      }),
  });
}

declare global {
  interface Document {
    readonly prerendering?: boolean;
  }
}

/** A page that is made ready for a visit which may never come stores nothing: what it tracks waits in memory. */
function whenShown(): Promise<void> {
  return new Promise((resolve) => {
    if (document.prerendering)
      document.addEventListener('prerenderingchange', () => resolve(), { once: true });
    else resolve();
  });
}
