import { expose } from 'comlink';
import type { FlushReport, WorkerApi } from '../../shared/worker-api.ts';
import { delivery } from './delivery.ts';

/** A port on which nothing has been asked by then is given up. */
const IDLE_MS = 5_000;

/**
 * Offers the worker's methods on a port.
 *
 * Messages on a port don't keep a worker alive: the event that brought the port must wait for what is
 * returned, which ends with the work that was asked for on it.
 */
export function servePort(port: MessagePort): Promise<void> {
  return new Promise((resolve) => {
    const idle = setTimeout(resolve, IDLE_MS);
    const api: WorkerApi = {
      ping: () => true,
      flush(wish): Promise<FlushReport> {
        clearTimeout(idle);
        const report = delivery.flush(wish);
        void report.then((first) => delivery.flushOn(first)).then(resolve, resolve);
        return report;
      },
    };
    expose(api, port);
  });
}
