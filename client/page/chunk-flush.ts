import { createPageDelivery, type DeliveryParts, type PageDelivery } from './page-delivery.ts';
import { createPageFlusher } from './page-flusher.ts';

/** A page's delivery by itself. */
export function openDelivery(parts: DeliveryParts): PageDelivery {
  return createPageDelivery({
    ...parts,
    startedAt: performance.timeOrigin,
    createFlusher: createPageFlusher,
  });
}

export { createPageFlusher as createFlusher };
