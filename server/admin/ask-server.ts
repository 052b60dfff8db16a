import { connect } from 'node:net';
import { systemCode } from '../errors.ts';
import { parseAdminAnswer, type AdminAnswer, type AdminRequest } from './admin-protocol.ts';

const ANSWER_MS = 15_000;

/**
 * Asks the running server through its local socket.
 *
 * @returns undefined if no server listens there.
 */
export function askServer(path: string, request: AdminRequest): Promise<AdminAnswer | undefined> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(path, () => socket.write(`${JSON.stringify(request)}\n`));
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('the running server does not answer')));
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => resolve(parseAdminAnswer(text)));
    socket.on('error', (error) => {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
  });
}
