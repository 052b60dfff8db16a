import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { syncDirectory } from '../../sync-directory.ts';
import type { Damage } from '../event-store.ts';
import { encodeCheckedLine } from './checked-line.ts';
import { FilesInForce } from './files-in-force.ts';
import type { ManifestRecord } from './manifest-records.ts';
import { ManifestCopy } from './manifest-copy.ts';
import { readManifest, type ManifestContents, type ManifestPaths } from './read-manifest.ts';
import { rewrite, writeAt } from '../../write-at.ts';

/**
 * The append-only record that alone decides which files are in force, and up to where.
 *
 * Nobody can do without a record of it, so that there are two files of the same bytes.
 */
export class Manifest {
  readonly #file: FileHandle;
  readonly #copy: ManifestCopy;
  readonly #files: FilesInForce;
  /** What of it was found damaged, though all of it can be read. */
  readonly damage: readonly Damage[];
  #length: number;
  /** The append under way, if any: the writer's and the keeper's records must not be written over each other. */
  #last: Promise<void> = Promise.resolve();

  private constructor(
    file: FileHandle,
    copy: ManifestCopy,
    files: FilesInForce,
    { bytes, damage }: ManifestContents,
  ) {
    this.#file = file;
    this.#copy = copy;
    this.#files = files;
    this.#length = bytes.length;
    this.damage = damage;
  }

  /**
   * Reads the manifest, cutting a torn last record and mending what is damaged in one of its files, or begins one.
   *
   * @throws Error naming file and offset if a record before the last is damaged in both: then nobody can say
   *   which files count, and guessing could lose events; or if the store is of a newer version.
   */
  static async open(paths: ManifestPaths, nowMs: number): Promise<Manifest> {
    const contents = await readManifest(paths);
    // Append mode ignores positions, and a failed append must be written over.
    const handle = await open(paths.manifest, constants.O_RDWR | constants.O_CREAT, 0o600);
    const { records, lastOffset, bytes, sameInCopy, isDamaged } = contents;
    const copy = new ManifestCopy(paths.manifestCopy, sameInCopy);
    try {
      const files = new FilesInForce();
      for (const record of records) files.apply(record);
      const manifest = new Manifest(handle, copy, files, contents);
      if (isDamaged) await writeAt(handle, bytes, 0);
      if (records.length === 0) await manifest.append({ op: 'create', createdMs: nowMs });
      else await manifest.#makeDurable(lastOffset);
      await copy.follow(handle, manifest.#length);
      await syncDirectory(path.dirname(paths.manifest));
      return manifest;
    } catch (error) {
      await copy.close();
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
    await this.#copy.close();
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
    await this.#copy.follow(this.#file, this.#length);
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
