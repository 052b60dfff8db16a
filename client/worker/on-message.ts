import { LEAVING_MESSAGE, PORT_MESSAGE, STORED_MESSAGE } from '../../shared/worker-api.ts';
import { delivery } from './delivery.ts';
import { servePort } from './rpc.ts';

/** A page hands over a port, or its queue. Everything else is the site's own business. */
export function onMessage(event: ExtendableMessageEvent): void {
  const [port] = event.ports;
  if (event.data === PORT_MESSAGE && port) event.waitUntil(servePort(port));
  if (event.data === LEAVING_MESSAGE) event.waitUntil(delivery.flushForLeaver());
  if (event.data === STORED_MESSAGE) event.waitUntil(delivery.flushUnlessAsked());
}
