import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Authenticator } from '../../../server/users/authenticator.ts';
import { ensureAdministrator } from '../../../server/users/first-administrator.ts';
import { mayReportOn, UserTable } from '../../../server/users/user-table.ts';
import { tempFolder } from '../../support/temp-folder.ts';

async function users(): Promise<{ table: UserTable; file: string }> {
  const file = path.join(await tempFolder(), 'users.json');
  return { table: await UserTable.open(file), file };
}

const ANN = { id: 'ann', password: 'pass word', context: 'x', permissions: 'BARCHART, TGAM' };

describe('UserTable', () => {
  it('keeps users by name, and never their passwords', async () => {
    const { table, file } = await users();
    await table.put(ANN);
    await table.put({ ...ANN, permissions: null });

    const reopened = await UserTable.open(file);
    expect(reopened.list()).toHaveLength(1);
    expect(reopened.find('ann')?.permissions).toBeNull();
    expect(await readFile(file, 'utf8')).not.toContain('pass word');
  });

  it.each([
    [{ id: '' }, 'user name'],
    [{ id: 'a:b' }, 'user name'],
    [{ password: 'a\tb' }, 'password'],
    [{ permissions: 'A,,B' }, 'customers'],
  ])('refuses %j', async (change, message) => {
    const { table } = await users();
    await expect(table.put({ ...ANN, ...change })).rejects.toThrow(message);
    expect(table.isEmpty).toBe(true);
  });
});

describe('mayReportOn', () => {
  it.each([
    ['*', 'ANY', true],
    ['BARCHART, TGAM', 'TGAM', true],
    ['BARCHART', 'TGAM', false],
    ['BARCHART', 'BARCHAR', false],
    [null, 'TGAM', false],
  ])('with %j on %j is %j', (permissions, customer, expected) => {
    expect(mayReportOn({ id: 'x', context: '', hash: '', permissions }, customer)).toBe(expected);
  });
});

describe('Authenticator', () => {
  it('knows the right password, for a minute without a hash, and no other', async () => {
    const { table } = await users();
    await table.put(ANN);
    let now = 0;
    const authenticator = new Authenticator(table, () => now);

    expect(await authenticator.authenticate('ann', 'pass word')).toMatchObject({ id: 'ann' });
    expect(await authenticator.authenticate('ann', 'password')).toBeUndefined();
    expect(await authenticator.authenticate('bob', 'pass word')).toBeUndefined();
    now = 61_000;
    expect(await authenticator.authenticate('ann', 'pass word')).toMatchObject({ id: 'ann' });
  });

  it('forgets a remembered password as soon as it is changed', async () => {
    const { table } = await users();
    await table.put(ANN);
    const authenticator = new Authenticator(table, () => 0);
    await authenticator.authenticate('ann', 'pass word');

    await table.put({ ...ANN, password: 'new' });

    expect(await authenticator.authenticate('ann', 'pass word')).toBeUndefined();
    expect(await authenticator.authenticate('ann', 'new')).toMatchObject({ id: 'ann' });
  });
});

describe('ensureAdministrator', () => {
  it('makes one up only where there is no user at all', async () => {
    const { table } = await users();

    const made = await ensureAdministrator(table, undefined);

    expect(made?.password).toMatch(/^[\w-]{24}$/);
    expect(table.find('admin')?.permissions).toBe('*');
    expect(await ensureAdministrator(table, undefined)).toBeUndefined();
  });

  it('updates the one that is wanted, and shows no password', async () => {
    const { table } = await users();
    expect(await ensureAdministrator(table, { id: 'root', password: 'a' })).toBeUndefined();
    expect(table.find('root')?.permissions).toBe('*');
  });
});
