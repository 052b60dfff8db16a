import { describe, expect, it } from 'vitest';
import { isLinkGood, signLink } from '../../../server/reports/download-link.ts';

const KEY = 'secret';

function check(link: string, nowMs: number, key = KEY): boolean {
  const { pathname, searchParams } = new URL(link, 'http://host');
  const [, , source = '', file = ''] = pathname.split('/').map(decodeURIComponent);
  return isLinkGood(source, file, searchParams.get('expires'), searchParams.get('signature'), key, nowMs);
}

describe('a download link', () => {
  const link = signLink('JOB-1', 'JOB-1.csv', 1_000, KEY);

  it('is good until it expires', () => {
    expect(check(link, 999)).toBe(true);
    expect(check(link, 1_000)).toBe(false);
  });

  it.each([
    ['another report', link.replaceAll('JOB-1', 'JOB-2')],
    ['another file', link.replace('JOB-1.csv', 'JOB-2.csv')],
    ['a later expiry', link.replace('expires=1000', 'expires=9000')],
    ['another signature', `${link.slice(0, -1)}${link.endsWith('A') ? 'B' : 'A'}`],
    ['a longer signature', `${link}x`],
    ['no signature', link.replace(/&signature.*/, '')],
    ['no expiry', link.replace(/expires=\d+&/, '')],
  ])('is refused with %s', (_title, altered) => {
    expect(check(altered, 0)).toBe(false);
  });

  it('is refused under another key', () => {
    expect(check(link, 0, 'other')).toBe(false);
  });
});
