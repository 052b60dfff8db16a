import path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Authenticator } from '../../../server/users/authenticator.ts';
import { isPassword } from '../../../server/users/password-hash.ts';
import { UserTable } from '../../../server/users/user-table.ts';
import { tempFolder } from '../../support/temp-folder.ts';

vi.mock(import('../../../server/users/password-hash.ts'), async (importOriginal) => {
  const original = await importOriginal();
  return { ...original, isPassword: vi.fn<typeof original.isPassword>(original.isPassword) };
});

const ANN = { id: 'ann', password: 'pass word', context: 'x', permissions: '*' };

async function authenticatorAt(clock: { now: number }): Promise<Authenticator> {
  const table = await UserTable.open(path.join(await tempFolder(), 'users.json'));
  await table.put(ANN);
  return new Authenticator(table, () => clock.now);
}

beforeEach(() => {
  vi.mocked(isPassword).mockClear();
});

describe('the cost of a credential', () => {
  it('is a hash for an unknown user as for a wrong password', async () => {
    const authenticator = await authenticatorAt({ now: 0 });
    await authenticator.authenticate('nobody', 'pass word');
    await authenticator.authenticate('ann', 'wrong');
    expect(isPassword).toHaveBeenCalledTimes(2);
  });

  it('is a hash once a minute for a good one', async () => {
    const clock = { now: 0 };
    const authenticator = await authenticatorAt(clock);
    for (clock.now of [0, 1_000, 59_000]) await authenticator.authenticate('ann', 'pass word');
    expect(isPassword).toHaveBeenCalledTimes(1);
    clock.now = 61_000;
    await authenticator.authenticate('ann', 'pass word');
    expect(isPassword).toHaveBeenCalledTimes(2);
  });
});
