import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { runAdminRequest } from '../admin/admin-commands.ts';
import type { AdminAnswer, AdminRequest } from '../admin/admin-protocol.ts';
import { ensurePrivateFolder } from '../admin/private-folder.ts';
import { askServer } from '../admin/ask-server.ts';
import { readConfig } from '../config.ts';
import { makeFolder } from '../sync-directory.ts';
import { dataPaths, type DataPaths } from '../data-paths.ts';
import { lockDirectory } from '../store/directory-lock.ts';
import { UserTable } from '../users/user-table.ts';

/**
 * `waybill user add NAME --customers A,B` and `waybill user list`.
 *
 * @returns What is to be printed.
 * @throws Error in words for the person at the terminal.
 */
export async function runUserCommand(args: readonly string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { customers: { type: 'string' }, context: { type: 'string', default: 'waybill' } },
  });
  const [action, name, ...others] = positionals;
  if (action === 'list' && name === undefined) return listOf(await carryOut({ command: 'user-list' }));
  if (action !== 'add' || name === undefined || others.length > 0) {
    throw new Error('it is "user add NAME --customers A,B" or "user list"; see waybill --help');
  }
  const permissions = values.customers ?? null;
  const user = { id: name, password: await readPassword(), context: values.context, permissions };
  await carryOut({ command: 'user-put', user });
  return `user ${name} may report on ${permissions ?? 'no customer'}\n`;
}

async function carryOut(request: AdminRequest): Promise<AdminAnswer & { readonly ok: true }> {
  const paths = dataPaths(readConfig(process.env).dataFolder);
  await makeFolder(paths.root);
  if (paths.socketFolder !== undefined) await ensurePrivateFolder(paths.socketFolder);
  const answer = (await askServer(paths.socket, request)) ?? (await carryOutAlone(paths, request));
  if (!answer.ok) throw new Error(answer.message);
  return answer;
}

/** Without a server there is no other owner of the files, and the lock keeps it so. */
async function carryOutAlone(paths: DataPaths, request: AdminRequest): Promise<AdminAnswer> {
  const lock = await lockDirectory(paths.root, paths.lock);
  try {
    return await runAdminRequest(request, await UserTable.open(paths.users));
  } finally {
    await lock.release();
  }
}

/** The first line of standard input, so that a password stands in no process list and no history. */
async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Password: ');
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line;
  } finally {
    lines.close();
  }
  throw new Error('the password is read from standard input, which is empty');
}

function listOf({ users }: AdminAnswer & { readonly ok: true }): string {
  return users.map(({ id, context, permissions }) => `${id}\t${context}\t${permissions ?? ''}\n`).join('');
}
