import { openChannel } from '../delivery/announce.ts';
import { openStorage } from '../queue/open-storage.ts';
import { QUEUE_NAME } from '../../shared/worker-api.ts';
import type { Collector } from './api.ts';
import { systemClock } from './clock.ts';
import { createCollector } from './collector.ts';
import { createEmitter } from './emitter.ts';
import { chunksOf } from './load-chunk.ts';
import { readOptions } from './options.ts';

/** Longest wait for the page's own files. */
const QUIET_LIMIT_MS = 5_000;

/** A collector with the browser's own clock, storage and network; it waits for `init`. */
export function createPageCollector(scriptUrl: string): Collector {
  return createCollector({
    clock: systemClock,
    emitter: createEmitter(),
    channel: openChannel(),
    configure: (options) => readOptions(options, scriptUrl, location.href),
    chunksOf,
    openStorage: (chunks) => openStorage(QUEUE_NAME, async () => (await chunks.rare()).createMemoryStorage()),
    whenQuiet: () =>
      new Promise((resolve) => {
        if (document.readyState === 'complete') resolve();
        else addEventListener('load', () => resolve(), { once: true });
        // Some pages never finish loading.
        setTimeout(resolve, QUIET_LIMIT_MS);
      }),
  });
}
