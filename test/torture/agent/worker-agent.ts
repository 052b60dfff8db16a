import { isRecord } from '../../../shared/text.ts';
import type { LabSettings, WorkerOrder } from '../protocol.ts';
import { holdDeletions } from './hold-deletions.ts';
import { createReporter } from './reporter.ts';
import { reportFaults } from './report-faults.ts';
import { shiftClock } from './shift-clock.ts';
import { watchConnections } from './watch-connections.ts';

declare const lab: LabSettings;

const reporter = createReporter(lab.agent);
reportFaults((message) => {
  if (!isRetriedSync(message)) reporter.send({ kind: 'fault', message: `worker: ${message}` });
});
holdDeletions(lab.holdDeletionsMs);
const setClock = shiftClock(lab.clockOffsetMs);
const breakConnections = watchConnections();

/**
 * A sync event is tried again only if its promise rejects; and Chromium, alone of all, says of every such promise that
 * nobody has handled it, although `waitUntil` does.
 */
function isRetriedSync(message: string): boolean {
  return message.startsWith('unhandled rejection: Error: still queued');
}

addEventListener('message', (event: MessageEvent<unknown>) => {
  const [port] = event.ports;
  if (port && isOrder(event.data)) port.postMessage(obey(event.data));
});

function isOrder(data: unknown): data is WorkerOrder {
  return isRecord(data) && (data['lab'] === 'setClock' || data['lab'] === 'breakConnections');
}

function obey(order: WorkerOrder): number {
  if (order.lab === 'breakConnections') return breakConnections();
  setClock(order.offsetMs);
  return 0;
}
