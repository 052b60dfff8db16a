import type { UserTable } from '../users/user-table.ts';
import type { AdminAnswer, AdminRequest } from './admin-protocol.ts';

/** Carries out a request on the users, whoever owns them: the running server or a tool without one. */
export async function runAdminRequest(request: AdminRequest, users: UserTable): Promise<AdminAnswer> {
  try {
    if (request.command === 'user-put') await users.put(request.user);
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : 'it did not work' };
  }
  return {
    ok: true,
    users: users.list().map(({ id, context, permissions }) => ({ id, context, permissions })),
  };
}
