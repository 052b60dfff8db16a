import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { syncDirectory } from '../../sync-directory.ts';
import type { Damage } from '../event-store.ts';
import { encodeCheckedLine } from './checked-line.ts';
import { FilesInForce } from './files-in-force.ts';
import type { ManifestRecord } from './manifest-records.ts';
import { readManifest, type ManifestContents } from './read-manifest.ts';
import { rewrite, writeAt } from '../../write-at.ts';

/** The append-only record that alone decides which files are in force, and up to where. */
export class Manifest {
  readonly #file: FileHandle;
  readonly #files: FilesInForce;
  /** What of it was found damaged, though all of it can be read. */
  readonly damage: readonly Damage[];
  #length: number;
  /** The append under way, if any: the writer's and the keeper's records must not be written over each other. */
  #last: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, files: FilesInForce, { length, damage }: ManifestContents) {
    this.#file = file;
    this.#files = files;
    this.#length = length;
    this.damage = damage;
  }

  /**
   * Reads the manifest, cutting a torn last record, or begins one.
   *
   * @throws Error naming file and offset if a record before the last is damaged: then nobody can say
   *   which files count, and guessing could lose events; or if the store is of a newer version.
   */
  static async open(file: string, nowMs: number): Promise<Manifest> {
    // Append mode ignores positions, and a failed append must be written over.
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { size } = await handle.stat();
      const contents = await readManifest(file, size);
      const { records, lastOffset } = contents;
      const files = new FilesInForce();
      for (const record of records) files.apply(record);
      const manifest = new Manifest(handle, files, contents);
      if (records.length === 0) await manifest.append({ op: 'create', createdMs: nowMs });
      else await manifest.#makeDurable(lastOffset);
      await syncDirectory(path.dirname(file));
      return manifest;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** What the records so far come to; changes when an `append` resolves. */
  get files(): Readonly<FilesInForce> {
    return this.#files;
  }

  /**
   * Adds a record; resolves when it is durable. Calls wait for those before them.
   *
   * After a failure it is not known whether the record would survive a crash, so the caller must not
   * act as if it had not been written before another append has succeeded, which writes over it.
   */
  append(record: ManifestRecord): Promise<void> {
    return this.appendNext(() => record);
  }

  /** The same for a record that depends on those before it: `make` is called when it is its turn. */
  appendNext(make: (files: Readonly<FilesInForce>) => ManifestRecord): Promise<void> {
    const appended = this.#last.then(() => this.#append(make(this.#files)));
    this.#last = appended.catch(() => undefined);
    return appended;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }

  async #append(record: ManifestRecord): Promise<void> {
    const fields = Buffer.from(JSON.stringify(record).slice(1));
    const line = encodeCheckedLine([fields]);
    await this.#restoreLength();
    await writeAt(this.#file, line, this.#length);
    await this.#file.sync();
    this.#length += line.length;
    this.#files.apply(record);
  }

  /**
   * Makes the last record durable: a killed process may have left it in the page cache alone, even as
   * pages that the kernel takes for clean after a failed flush, so that they must be written again.
   */
  async #makeDurable(lastOffset: number): Promise<void> {
    await this.#restoreLength();
    await rewrite(this.#file, lastOffset, this.#length);
    await this.#file.sync();
  }

  /** Removes what a failed append, or a crash within one, left behind the last whole record. */
  async #restoreLength(): Promise<void> {
    const { size } = await this.#file.stat();
    if (size === this.#length) return;
    await this.#file.truncate(this.#length);
    await this.#file.sync();
  }
}
