import type * as fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { SimulatedDisk } from './simulated-disk.ts';

type FileSystem = typeof fs;

/** What of `node:fs/promises` changes something on the disk, besides opening for it. */
const CHANGES = ['rename', 'link', 'rm', 'unlink', 'mkdir', 'truncate', 'writeFile', 'appendFile'] as const;
const HANDLE_CHANGES = ['write', 'truncate', 'sync', 'datasync'] as const;

/**
 * A disk under a process that dies before its n-th change: that one and all after it do not happen.
 *
 * `wrapDisks` has it asked.
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

/** The disks under a process, if there are any: the one dies, the other loses what was not flushed. */
export interface DisksUnder {
  readonly dying: DyingDisk | undefined;
  readonly simulated: SimulatedDisk | undefined;
}

/** A file system whose changes go through these disks. */
export function wrapDisks(original: FileSystem, disks: DisksUnder): Partial<FileSystem> {
  const open: FileSystem['open'] = async (file, flags, ...rest) => {
    const isNew = flags !== undefined && flags !== 'r';
    if (isNew) disks.dying?.change('open');
    let handle = await original.open(file, flags, ...rest);
    if (disks.simulated !== undefined) handle = await disks.simulated.watch(String(file), handle);
    return disks.dying?.watch(handle) ?? handle;
  };
  return { ...wrapChanges(original, () => disks.dying), open };
}

/** The calls of a file system that change something, counted. */
function wrapChanges(original: FileSystem, current: () => DyingDisk | undefined): Partial<FileSystem> {
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
