import { connectWorker } from './connect-worker.ts';
import { createPageDelivery, type DeliveryParts, type PageDelivery } from './page-delivery.ts';

/** A page's delivery by the worker; the flush loop of its own is loaded if the worker fails. */
export function openDelivery(parts: DeliveryParts): PageDelivery {
  return createPageDelivery({
    ...parts,
    startedAt: performance.timeOrigin,
    connect: () => connectWorker(parts.config.worker, parts.clock),
  });
}
