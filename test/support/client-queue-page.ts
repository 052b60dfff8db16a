import { createIdbStorage } from '../../client/queue/idb-storage.ts';
import { runContractCase } from '../contract/event-queue.contract.ts';
import { makeBurst, NOW, openQueue } from './client-queue.ts';

/** What a browser test calls in its page. */
export interface QueuePage {
  /** Runs a case of the contract on a database of this name. */
  runCase(name: string, database: string): Promise<void>;
  /** Opens the queue, stores one burst, has `disturb` do its worst, stores another, and counts events. */
  surviveLoss(database: string): Promise<number>;
  enqueue(database: string, place: number): Promise<boolean>;
  count(database: string): Promise<number>;
}

declare global {
  interface Window {
    queuePage: QueuePage;
  }
}

window.queuePage = {
  runCase: (name, database) => runContractCase(name, createIdbStorage(database)),
  async surviveLoss(database) {
    const { events, monitor } = openQueue(createIdbStorage(database));
    await events.enqueue(makeBurst(1), false);
    // Closes our connection from outside, by its `versionchange` event.
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.deleteDatabase(database);
      request.addEventListener('success', () => resolve());
      request.addEventListener('error', () => reject(new Error('not deleted')));
    });
    await events.enqueue(makeBurst(2), false);
    return (await monitor.status(NOW)).events;
  },
  enqueue: (database, place) => openQueue(createIdbStorage(database)).events.enqueue(makeBurst(place), false),
  count: async (database) => (await openQueue(createIdbStorage(database)).monitor.status(NOW)).events,
};
