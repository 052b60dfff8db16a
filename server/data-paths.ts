import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Every path of the data folder: what the server keeps beside the events. */
export interface DataPaths {
  readonly root: string;
  readonly lock: string;
  readonly users: string;
  readonly jobs: string;
  readonly secrets: string;
  /** What is known of the clock. */
  readonly clock: string;
  readonly reports: string;
  /** Local socket of the running server. */
  readonly socket: string;
  /** The socket's folder if that is not `root`: one of a name that others could guess. */
  readonly socketFolder: string | undefined;
}

/** The shortest limit among the systems that we run on (macOS), less its final NUL. */
const MAX_SOCKET_PATH = 103;

export function dataPaths(folder: string): DataPaths {
  const root = path.resolve(folder);
  return {
    root,
    lock: path.join(root, 'owner.lock'),
    users: path.join(root, 'users.json'),
    jobs: path.join(root, 'jobs.json'),
    secrets: path.join(root, 'secrets.json'),
    clock: path.join(root, 'clock.json'),
    reports: path.join(root, 'reports'),
    ...socketPaths(root),
  };
}

/** In the data folder, or where that name is too long for a socket, under a name derived from it. */
function socketPaths(root: string): Pick<DataPaths, 'socket' | 'socketFolder'> {
  const inside = path.join(root, 'admin.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return { socket: inside, socketFolder: undefined };
  const digest = createHash('sha256').update(root).digest('hex').slice(0, 32);
  const socketFolder = path.join(tmpdir(), `waybill-${digest}`);
  return { socket: path.join(socketFolder, 'admin.sock'), socketFolder };
}
