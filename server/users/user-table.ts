import { isRecord } from '../../shared/text.ts';
import { MetadataFile } from '../metadata-file.ts';
import { hashPassword } from './password-hash.ts';

/** Someone who may ask for reports. */
export interface User {
  readonly id: string;
  /** Free text that tells an application whose user this is. */
  readonly context: string;
  /** The customers the user may report on, separated by commas; `*` is all; null is none. */
  readonly permissions: string | null;
  readonly hash: string;
}

export interface UserChange {
  readonly id: string;
  readonly password: string;
  readonly context: string;
  readonly permissions: string | null;
}

const ID = /^[^:\p{Cc}]{1,128}$/u;
const PASSWORD = /^[^\p{Cc}]{1,1024}$/u;

/** What is wrong with a user's fields, in words; undefined if nothing is. */
export function userProblem({ id, password, permissions }: UserChange): string | undefined {
  if (!ID.test(id)) return 'a user name has 1 to 128 characters, no colon and no control characters';
  if (!PASSWORD.test(password)) return 'a password has 1 to 1,024 characters and no control characters';
  if (permissions !== null && permissions.split(',').some((code) => code.trim() === '')) {
    return 'customers are codes separated by commas, or *';
  }
  return undefined;
}

/** Whether a user may see and make reports of a customer's events. */
export function mayReportOn(user: User, customer: string): boolean {
  const codes = user.permissions?.split(',').map((code) => code.trim()) ?? [];
  return codes.includes('*') || codes.includes(customer);
}

/** All users, in one metadata file. */
export class UserTable {
  readonly #file: MetadataFile<readonly User[]>;

  private constructor(file: MetadataFile<readonly User[]>) {
    this.#file = file;
  }

  static async open(path: string): Promise<UserTable> {
    return new UserTable(await MetadataFile.open<readonly User[]>(path, [], parseUsers));
  }

  get isEmpty(): boolean {
    return this.#file.data.length === 0;
  }

  find(id: string): User | undefined {
    return this.#file.data.find((user) => user.id === id);
  }

  list(): readonly User[] {
    return this.#file.data;
  }

  /**
   * Adds a user, or replaces the one of that name; resolves when that is durable.
   *
   * @throws Error in words if `userProblem` finds something wrong.
   */
  async put(change: UserChange): Promise<void> {
    const problem = userProblem(change);
    if (problem !== undefined) throw new Error(problem);
    const { id, context, permissions, password } = change;
    const user: User = { id, context, permissions, hash: await hashPassword(password) };
    await this.#file.change((users) => [...users.filter((other) => other.id !== id), user]);
  }
}

function parseUsers(value: unknown): readonly User[] {
  if (!Array.isArray(value)) throw new Error('it must be an array of users');
  const items: readonly unknown[] = value;
  return items.map((item) => {
    if (!isRecord(item)) throw new Error('a user must be an object');
    const { id, context, permissions, hash } = item;
    if (typeof id !== 'string' || typeof context !== 'string' || typeof hash !== 'string') {
      throw new Error('a user must have id, context and hash');
    }
    return { id, context, permissions: typeof permissions === 'string' ? permissions : null, hash };
  });
}
