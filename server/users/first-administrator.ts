import { randomBytes } from 'node:crypto';
import { isPassword } from './password-hash.ts';
import type { UserTable } from './user-table.ts';

export interface NewAdministrator {
  readonly id: string;
  readonly password: string;
}

const CONTEXT = 'waybill';
const EVERYTHING = '*';

/**
 * Sees to it that there is an administrator.
 *
 * @param wanted - From the settings: is created or updated.
 * @returns The one that was made up because there was no user at all, with its password.
 */
export async function ensureAdministrator(
  users: UserTable,
  wanted: NewAdministrator | undefined,
): Promise<NewAdministrator | undefined> {
  if (wanted === undefined && !users.isEmpty) return undefined;
  // Nothing is written where nothing changes: a server must start on a full disk.
  const known = wanted && users.find(wanted.id);
  if (wanted && known?.permissions === EVERYTHING && (await isPassword(wanted.password, known.hash)))
    return undefined;
  const administrator = wanted ?? { id: 'admin', password: randomBytes(18).toString('base64url') };
  await users.put({ ...administrator, context: CONTEXT, permissions: EVERYTHING });
  return wanted === undefined ? administrator : undefined;
}
