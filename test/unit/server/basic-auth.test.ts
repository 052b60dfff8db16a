import { describe, expect, it } from 'vitest';
import { parseBasic } from '../../../server/http/basic-auth.ts';

const header = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('parseBasic', () => {
  it('reads name and password, of which only the password may hold colons', () => {
    expect(parseBasic(header('jürgen:a:b'))).toEqual({ id: 'jürgen', password: 'a:b' });
  });

  it.each([
    ['nothing', ''],
    ['another scheme', 'Bearer abc'],
    ['no base64', 'Basic ???'],
    ['no colon', header('admin')],
    ['no name', header(':secret')],
    ['a control character', header('admin:se\ncret')],
    ['no UTF-8', header(Buffer.from([0x61, 0x3a, 0xff]))],
    ['too much', header(`a:${'b'.repeat(5_000)}`)],
  ])('refuses %s', (_title, value) => {
    expect(parseBasic(value)).toBeUndefined();
  });
});
