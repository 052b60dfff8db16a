import { parseArgs } from 'node:util';
import type { AdminAnswer, AdminRequest } from '../admin/admin-protocol.ts';
import { readConfig } from '../config.ts';
import type { DataPaths } from '../data-paths.ts';
import { UserTable } from '../users/user-table.ts';
import { withOwner, type OpenedTarget } from './ask-owner.ts';
import { readPassword } from './read-password.ts';
import { NO_ERASER, NO_REPORTER } from './unopened.ts';

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

function carryOut(request: AdminRequest): Promise<AdminAnswer & { readonly ok: true }> {
  return withOwner(readConfig(process.env).dataFolder, openUsers, (ask) => ask(request));
}

/** The users alone: nothing else is needed for them. */
async function openUsers(paths: DataPaths): Promise<OpenedTarget> {
  const users = await UserTable.open(paths.users);
  const target = { users, eraser: NO_ERASER, reporter: NO_REPORTER };
  return { target, close: () => Promise.resolve() };
}

function listOf({ users }: AdminAnswer & { readonly ok: true }): string {
  return users.map(({ id, context, permissions }) => `${id}\t${context}\t${permissions ?? ''}\n`).join('');
}
