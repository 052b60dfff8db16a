import { createHmac, randomBytes } from 'node:crypto';
import { isPassword } from './password-hash.ts';
import type { User, UserTable } from './user-table.ts';

const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 1_000;

/**
 * Checks credentials, remembering good ones for a minute as a keyed digest: a client that polls
 * would otherwise pay for a password hash, one at a time, with each request.
 */
export class Authenticator {
  readonly #users: UserTable;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  /** Digest of a credential and the hash it was checked against, and until when that is good. */
  readonly #remembered = new Map<string, number>();

  constructor(users: UserTable, now: () => number) {
    this.#users = users;
    this.#now = now;
  }

  /**
   * The user whose credential this is, or undefined. An unknown user costs as much as a wrong password.
   *
   * @throws AppError `AUTHENTICATION_BUSY` when too many wait to be checked.
   */
  async authenticate(id: string, password: string): Promise<User | undefined> {
    const user = this.#users.find(id);
    // With the hash in it, the digest of a changed password is no longer found.
    const credential = JSON.stringify([id, password, user?.hash ?? '']);
    const digest = createHmac('sha256', this.#key).update(credential).digest('base64');
    if (user !== undefined && (this.#remembered.get(digest) ?? 0) > this.#now()) return user;
    const isRight = await isPassword(password, user?.hash);
    if (!isRight || user === undefined) return undefined;
    this.#remember(digest);
    return user;
  }

  #remember(digest: string): void {
    this.#remembered.delete(digest);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(digest, this.#now() + REMEMBERED_MS);
  }
}
