import type { Collector, CollectorOptions } from './api.ts';
import type { Chunks } from './load-chunk.ts';
import { createPageCollector } from './page-collector.ts';

export type * from './api.ts';

/**
 * Written out, so that a bundler finds the files and takes them with it.
 *
 * Where a browser keeps the failure of an address, the next try that can help is the next visit's.
 */
const CHUNKS: Chunks = {
  link: () => import('./chunk-link.ts'),
  flush: () => import('./chunk-flush.ts'),
  rare: () => import('./chunk-rare.ts'),
};

/**
 * Sets up a collector.
 *
 * @example
 * const waybill = createCollector({ customer: 'BARCHART', product: 'PORTFOLIO', worker: '/waybill-sw.js' });
 * waybill.track('PORTFOLIO-APPLICATION-LOADED', [userId]);
 */
export function createCollector(options: CollectorOptions): Collector {
  // A bundler that makes a classic script leaves the address out.
  const collector = createPageCollector(import.meta.url || location.href, () => CHUNKS);
  collector.init(options);
  return collector;
}
