import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { runAdminRequest, type AdminTarget } from './admin-commands.ts';
import { parseAdminRequest, type AdminAnswer } from './admin-protocol.ts';

export interface AdminSocket {
  close(): Promise<void>;
}

const MAX_REQUEST_UNITS = 65_536;
const IDLE_MS = 10_000;

/**
 * Listens on a local socket for command-line tools: the server owns the files, so they ask it.
 *
 * Only the user that runs the server may connect; whoever holds the data folder's lock may take over
 * the name of a socket that a killed server left behind.
 */
export async function openAdminSocket(path: string, target: AdminTarget): Promise<AdminSocket> {
  await rm(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, target);
  });
  server.maxConnections = 16;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      // Whoever is idle here would hold up the end.
      for (const socket of sockets) socket.destroy();
    });
  try {
    await chmod(path, 0o600);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function serve(socket: Socket, target: AdminTarget): void {
  let text = '';
  let isAnswered = false;
  const answer = (result: AdminAnswer): void => {
    socket.end(`${JSON.stringify(result)}\n`);
  };
  socket.setEncoding('utf8');
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  // A tool that went away needs no answer.
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    if (isAnswered) return;
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= MAX_REQUEST_UNITS) return;
    isAnswered = true;
    const request = end < 0 ? undefined : parseAdminRequest(text.slice(0, end));
    if (request === undefined) answer({ ok: false, message: 'this server does not know the command' });
    else void runAdminRequest(request, target).then(answer);
  });
}
