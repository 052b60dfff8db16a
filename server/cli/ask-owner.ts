import { runAdminRequest, type AdminTarget } from '../admin/admin-commands.ts';
import type { AdminAnswer, AdminRequest } from '../admin/admin-protocol.ts';
import { askServer } from '../admin/ask-server.ts';
import { ensurePrivateFolder } from '../admin/private-folder.ts';
import { dataPaths, type DataPaths } from '../data-paths.ts';
import { DirectoryInUseError, lockDirectory, type DirectoryLock } from '../store/directory-lock.ts';
import { makeFolder } from '../sync-directory.ts';

/** What a tool opens where no server runs. */
export interface OpenedTarget {
  readonly target: AdminTarget;
  close(): Promise<void>;
}

export type OpenTarget = (paths: DataPaths) => Promise<OpenedTarget>;

/**
 * Has requests carried out by the running server, or, where there is none, on what `openAlone` opens.
 *
 * @param use - Asks for as many as it likes.
 * @throws Error in words for the person at the terminal.
 */
export async function withOwner<Result>(
  dataFolder: string,
  openAlone: OpenTarget,
  use: (ask: (request: AdminRequest) => Promise<AdminAnswer & { readonly ok: true }>) => Promise<Result>,
): Promise<Result> {
  const paths = dataPaths(dataFolder);
  await makeFolder(paths.root);
  if (paths.socketFolder !== undefined) await ensurePrivateFolder(paths.socketFolder);
  if ((await askServer(paths.socket, { command: 'user-list' })) !== undefined) {
    return use(async (request) => succeeded((await askServer(paths.socket, request)) ?? STOPPED));
  }
  // Without a server there is no other owner of the files, and the lock keeps it so.
  const lock = await lockAlone(paths);
  try {
    const opened = await openAlone(paths);
    try {
      return await use(async (request) => succeeded(await runAdminRequest(request, opened.target)));
    } finally {
      await opened.close();
    }
  } finally {
    await lock.release();
  }
}

async function lockAlone({ root, lock, socket }: DataPaths): Promise<DirectoryLock> {
  try {
    return await lockDirectory(root, lock);
  } catch (error) {
    if (!(error instanceof DirectoryInUseError)) throw error;
    const message =
      `${error.message}, which can't be asked: it has no socket ${socket}. A server on a full disk starts ` +
      'without one, says so in its log, and makes it within seconds once there is room: free some space, or ' +
      'some files, and try again';
    throw new Error(message, { cause: error });
  }
}

const STOPPED: AdminAnswer = { ok: false, message: 'the server was stopped meanwhile: try again' };

function succeeded(answer: AdminAnswer): AdminAnswer & { readonly ok: true } {
  if (!answer.ok) throw new Error(answer.message);
  return answer;
}
