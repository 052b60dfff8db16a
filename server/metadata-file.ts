import { open, readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Low, type Adapter } from 'lowdb';
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

  constructor(file: string, parse: (value: unknown) => T) {
    this.#path = file;
    this.#parse = parse;
  }

  async read(): Promise<T | null> {
    try {
      return this.#parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw new Error(`${this.#path} can not be read; restore it from a backup`, { cause: error });
    }
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
      await rename(temporary, this.#path);
    } catch (error) {
      // On a full disk it would hold the last space. The next change replaces what can't be removed.
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncDirectory(path.dirname(this.#path));
  }
}

/**
 * A small JSON file that is rarely written: its data is replaced as a whole, one change at a time.
 *
 * One object owns a file; two on one file would overwrite each other's changes.
 */
export class MetadataFile<T> {
  readonly #db: Low<T>;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(db: Low<T>) {
    this.#db = db;
  }

  /**
   * @param parse - Checks what the file holds; what it throws is the cause of the error thrown.
   * @throws Error that names the file if it is there but can't be read.
   */
  static async open<T>(file: string, empty: T, parse: (value: unknown) => T): Promise<MetadataFile<T>> {
    const db = new Low<T>(new DurableJsonFile(file, parse), empty);
    await db.read();
    return new MetadataFile(db);
  }

  get data(): T {
    return this.#db.data;
  }

  /**
   * Replaces the data; resolves when the new data is durable.
   *
   * @param change - Makes the new data from the old without altering it. If it throws, or the write
   *   fails, the old data stays.
   */
  change(change: (before: T) => T): Promise<void> {
    const run = async (): Promise<void> => {
      const before = this.#db.data;
      this.#db.data = change(before);
      try {
        await this.#db.write();
      } catch (error) {
        this.#db.data = before;
        throw error;
      }
    };
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
