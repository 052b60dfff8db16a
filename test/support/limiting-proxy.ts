import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface LimitingProxy {
  readonly url: string;
  /** Answers that were cut, or have stalled, so far. */
  cuts(): number;
}

/**
 * A TCP proxy that cuts every answer behind so many bytes, head included, or lets it stall there for ever.
 *
 * It takes every chunk of a client for a request, which holds for small bodies on loopback.
 */
export async function startLimitingProxy(
  upstreamPort: number,
  maxBytes: number,
  beyond: 'cut' | 'stall' = 'cut',
): Promise<LimitingProxy> {
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(upstreamPort, '127.0.0.1');
    let sent = 0;
    sockets.add(client);
    const end = (): void => {
      sockets.delete(client);
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (chunk) => {
      sent = 0;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      const rest = chunk.subarray(0, maxBytes - sent);
      sent += chunk.length;
      if (sent <= maxBytes) client.write(chunk);
      else {
        cuts++;
        if (beyond === 'stall') {
          client.write(rest);
          upstream.pause();
          return;
        }
        upstream.destroy();
        client.end(rest);
      }
    });
    client.on('error', end).on('close', end);
    upstream.on('error', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('a proxy has a port');
  return { url: `http://127.0.0.1:${address.port}`, cuts: () => cuts };
}
