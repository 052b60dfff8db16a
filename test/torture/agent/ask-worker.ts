import type { WorkerOrder } from '../protocol.ts';

/** A worker may have to be started first. */
const LIMIT_MS = 5_000;

/** Has the site's worker do something, if there is one; answers 0 without. */
export async function askWorker(order: WorkerOrder): Promise<number> {
  const registration = await navigator.serviceWorker.getRegistration();
  const worker = registration?.active;
  if (!worker) return 0;
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the worker does not answer the lab')), LIMIT_MS);
    port1.addEventListener('message', (event: MessageEvent<unknown>) => {
      clearTimeout(timer);
      resolve(Number(event.data));
    });
    port1.start();
    worker.postMessage(order, [port2]);
  });
}
