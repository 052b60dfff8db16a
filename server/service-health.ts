import type { Health } from '../shared/service.ts';
import type { EventStore } from './store/event-store.ts';

/** What `GET /service/health` answers. */
export async function serviceHealth(store: EventStore): Promise<Health> {
  const { isWritable, damage } = store.health();
  return {
    status: isWritable ? 'ready' : 'read-only',
    store: { writable: isWritable, damage: damage.length },
    ...(await store.totals()),
  };
}
