import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { systemCode } from '../../../server/errors.ts';

describe('systemCode', () => {
  it('names a used-up quota, for which Node has no name', () => {
    const errno = -constants.errno.EDQUOT;
    const code = `Unknown system error ${errno}`;
    expect(systemCode(Object.assign(new Error('write'), { code, errno }))).toBe('EDQUOT');
  });

  it('gives the code of every other error of the system, and none of others', () => {
    expect(systemCode(Object.assign(new Error('write'), { code: 'EIO', errno: -constants.errno.EIO }))).toBe(
      'EIO',
    );
    expect(systemCode(Object.assign(new Error('other'), { code: 'ERR_OTHER' }))).toBe('ERR_OTHER');
    expect(systemCode(new Error('no code'))).toBeUndefined();
    expect(systemCode({ code: 'EIO' })).toBeUndefined();
  });
});
