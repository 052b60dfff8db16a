import { open, readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Low, type Adapter } from 'lowdb';
import { toAppError } from './disk-errors.ts';
import { systemCode } from './errors.ts';
import { syncDirectory } from './sync-directory.ts';
import { writeAt } from './write-at.ts';

/**
 * A lowdb adapter whose `write` resolves only when the data is durable.
 *
 * lowdb's own adapter renames without a flush, so that a power cut can leave an empty file behind.
 */
class DurableJsonFile<T> implements Adapter<T> {
  readonly #path: string;
  readonly #parse: (value: unknown) => T;
  /** Whether a write has failed so late that the file may hold what it was for. */
  #isInDoubt = false;

  constructor(file: string, parse: (value: unknown) => T) {
    this.#path = file;
    this.#parse = parse;
  }

  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  async read(): Promise<T | null> {
    let data: T;
    try {
      data = this.#parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw new Error(`${this.#path} can not be read; restore it from a backup`, { cause: error });
    }
    // Whoever wrote it may have been killed before its name was durable, and it is told from now on.
    await syncDirectory(path.dirname(this.#path));
    return data;
  }

  async write(data: T): Promise<void> {
    const temporary = `${this.#path}.tmp`;
    const file = await open(temporary, 'w', 0o600);
    try {
      try {
        await writeAt(file, Buffer.from(JSON.stringify(data, null, 1)), 0);
        await file.sync();
      } finally {
        await file.close();
      }
      this.#isInDoubt = true;
      await rename(temporary, this.#path);
    } catch (error) {
      // On a full disk it would hold the last space. The next change replaces what can't be removed.
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncDirectory(path.dirname(this.#path));
    this.#isInDoubt = false;
  }
}

/**
 * A small JSON file that is rarely written: its data is replaced as a whole, one change at a time.
 *
 * One object owns a file; two on one file would overwrite each other's changes.
 */
export class MetadataFile<T> {
  readonly #file: DurableJsonFile<T>;
  readonly #db: Low<T>;
  /** What is durable; lowdb's is what is being written. */
  #data: T;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(file: DurableJsonFile<T>, db: Low<T>) {
    this.#file = file;
    this.#db = db;
    this.#data = db.data;
  }

  /**
   * @param parse - Checks what the file holds; what it throws is the cause of the error thrown.
   * @throws Error that names the file if it is there but can't be read.
   */
  static async open<T>(file: string, empty: T, parse: (value: unknown) => T): Promise<MetadataFile<T>> {
    const adapter = new DurableJsonFile(file, parse);
    const db = new Low<T>(adapter, empty);
    await db.read();
    return new MetadataFile(adapter, db);
  }

  /** The data that is durable: a change is in it when it resolves. */
  get data(): T {
    return this.#data;
  }

  /**
   * Replaces the data; resolves when the new data is durable.
   *
   * @param change - Makes the new data from the old without altering it. If it throws, or the write
   *   fails, the old data stays.
   * @throws AppError `STORE_FULL` or `STORE_UNAVAILABLE` if the write fails.
   */
  change(change: (before: T) => T): Promise<void> {
    const run = async (): Promise<void> => {
      const before = this.#data;
      const after = change(before);
      try {
        await this.#write(after);
      } catch (error) {
        // Otherwise the next start would take what was refused for done. If this fails too, the next change mends it.
        if (this.#file.isInDoubt) await this.#write(before).catch(() => undefined);
        throw toAppError(error);
      }
      this.#data = after;
    };
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when no change is being written. */
  async settled(): Promise<void> {
    await this.#last;
  }

  #write(data: T): Promise<void> {
    this.#db.data = data;
    return this.#db.write();
  }
}
