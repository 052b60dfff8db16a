import type * as fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

type FileSystem = typeof fs;

/** What of `node:fs/promises` changes something on the disk, besides opening for it. */
const CHANGES = ['rename', 'rm', 'unlink', 'mkdir', 'truncate', 'writeFile', 'appendFile'] as const;
const HANDLE_CHANGES = ['write', 'truncate', 'sync', 'datasync'] as const;

/**
 * A disk under a process that dies before its n-th change: that one and all after it do not happen.
 *
 * `wrapChanges` and `watch` have it asked.
 */
export class DyingDisk {
  /** Called before each change, the one included that does not happen any more. */
  onChange: () => void = () => undefined;
  /** The changes so far, by name. */
  readonly changes: string[] = [];
  readonly died: Promise<void>;
  readonly #dieAt: number;
  readonly #onDeath: () => void;

  /** @param dieAt - From 1. */
  constructor(dieAt: number) {
    this.#dieAt = dieAt;
    let onDeath = (): void => undefined;
    this.died = new Promise((resolve) => (onDeath = resolve));
    this.#onDeath = onDeath;
  }

  get isDead(): boolean {
    return this.changes.length >= this.#dieAt;
  }

  /** Counts a change that is about to happen. */
  change(name: string): void {
    if (!this.isDead) {
      this.onChange();
      this.changes.push(name);
    }
    if (!this.isDead) return;
    this.#onDeath();
    throw new Error('the process is dead');
  }

  /** Follows what is done through a file that was opened. */
  watch(handle: FileHandle): FileHandle {
    for (const method of HANDLE_CHANGES) {
      const original: (...args: never[]) => Promise<unknown> = handle[method].bind(handle);
      const value = async (...args: never[]): Promise<unknown> => {
        this.change(method);
        return original(...args);
      };
      Object.defineProperty(handle, method, { value, configurable: true });
    }
    return handle;
  }
}

/** The calls of a file system that change something, counted. */
export function wrapChanges(original: FileSystem, current: () => DyingDisk | undefined): Partial<FileSystem> {
  const counted =
    <Args extends unknown[]>(name: string, call: (...args: Args) => Promise<unknown>) =>
    async (...args: Args): Promise<unknown> => {
      current()?.change(name);
      return call(...args);
    };
  const wrapped: Record<string, unknown> = {};
  for (const name of CHANGES) wrapped[name] = counted<never[]>(name, original[name]);
  return wrapped;
}
