import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface CuttingProxy {
  readonly url: string;
  /** Requests that were handed to the server and have no answer yet. */
  pending(): number;
  /** The share of answers that was cut so far. */
  cutShare(): number;
  /** Where requests go from now on. */
  setPort(port: number): void;
}

/**
 * A TCP proxy that cuts a share of the answers: the server has done the work, the client never knows.
 *
 * It takes every chunk of a client for a request, which holds for small bodies on loopback.
 */
export async function startCuttingProxy(share: number): Promise<CuttingProxy> {
  let upstreamPort = 0;
  let pending = 0;
  let answers = 0;
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(upstreamPort, '127.0.0.1');
    let open = 0;
    sockets.add(client);
    const end = (): void => {
      pending -= open;
      open = 0;
      sockets.delete(client);
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (chunk) => {
      if (upstream.destroyed) return;
      open++;
      pending++;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      pending -= open;
      open = 0;
      answers++;
      if (Math.random() < share) {
        cuts++;
        end();
      } else client.write(chunk);
    });
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a proxy has a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    pending: () => pending,
    cutShare: () => cuts / answers,
    setPort: (port) => {
      upstreamPort = port;
    },
  };
}
