import type { Collector, CollectorOptions } from './api.ts';
import { createPageCollector } from './page-collector.ts';

export type * from './api.ts';

/**
 * Sets up a collector.
 *
 * @example
 * const waybill = createCollector({ customer: 'BARCHART', product: 'PORTFOLIO', worker: '/waybill-sw.js' });
 * waybill.track('PORTFOLIO-APPLICATION-LOADED', [userId]);
 */
export function createCollector(options: CollectorOptions): Collector {
  const collector = createPageCollector(import.meta.url);
  collector.init(options);
  return collector;
}
