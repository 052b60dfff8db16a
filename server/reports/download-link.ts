import { createHmac, timingSafeEqual } from 'node:crypto';
import { downloadPath } from '../../shared/routes.ts';

/** The path and query of a link that downloads a file until a time, for anyone who holds it. */
export function signLink(source: string, file: string, expiresMs: number, key: string): string {
  const query = new URLSearchParams({
    expires: String(expiresMs),
    signature: signature(source, file, expiresMs, key),
  });
  return `${downloadPath(source, file)}?${query.toString()}`;
}

/**
 * Whether a link was signed with this key, is unaltered, and is still good.
 *
 * @param expires - As found in the link, of unknown shape.
 * @param given - The signature found in the link, of unknown shape; compared in constant time.
 */
export function isLinkGood(
  source: string,
  file: string,
  expires: unknown,
  given: unknown,
  key: string,
  nowMs: number,
): boolean {
  if (typeof expires !== 'string' || typeof given !== 'string' || !/^\d{1,16}$/.test(expires)) return false;
  const expected = Buffer.from(signature(source, file, Number(expires), key));
  const actual = Buffer.from(given);
  return expected.length === actual.length && timingSafeEqual(expected, actual) && nowMs < Number(expires);
}

function signature(source: string, file: string, expiresMs: number, key: string): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([source, file, expiresMs]))
    .digest('base64url');
}
