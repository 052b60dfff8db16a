import type { Middleware } from 'koa';
import { AppError } from '../errors.ts';
import type { Authenticator } from '../users/authenticator.ts';
import type { WaybillState } from './context.ts';

const CHALLENGE = 'Basic realm="waybill", charset="UTF-8"';
const CREDENTIALS = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;
const PAIR = /^([^:\p{Cc}]*):([^\p{Cc}]*)$/u;
const MAX_LENGTH = 4_096;

/**
 * Lets a request pass only with the credential of a user (RFC 7617), who is then in `ctx.state.user`.
 *
 * @throws AppError `REQUEST_IDENTITY_FAILURE` without one; which part was wrong is not said.
 */
export function requireUser(authenticator: Authenticator): Middleware<WaybillState> {
  return async (ctx, next) => {
    const credential = parseBasic(ctx.get('Authorization'));
    const user =
      credential === undefined
        ? undefined
        : await authenticator.authenticate(credential.id, credential.password);
    if (user === undefined) {
      ctx.set('WWW-Authenticate', CHALLENGE);
      throw new AppError('REQUEST_IDENTITY_FAILURE', 'Unauthorized');
    }
    ctx.state.user = user;
    await next();
  };
}

/** The user name and password of an `Authorization` header, or undefined if it is no good one. */
export function parseBasic(header: string): { readonly id: string; readonly password: string } | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  const encoded = CREDENTIALS.exec(header)?.[1] ?? '';
  const [, id, password] = PAIR.exec(decodeUtf8(Buffer.from(encoded, 'base64'))) ?? [];
  return id === undefined || password === undefined || id === '' ? undefined : { id, password };
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // No user's name or password is anything but UTF-8, as the challenge says.
    return '';
  }
}
