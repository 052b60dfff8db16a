import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { syncDirectory } from '../../sync-directory.ts';
import { checkedFields, encodeCheckedLine, fieldsText, newerVersion } from './checked-line.ts';
import { readLines } from './segment-lines.ts';
import { rewrite, writeAt } from '../../write-at.ts';

/**
 * One change of the files in force. Each is one line, so that a crash leaves it done or not done.
 *
 * - `create`: the store begins.
 * - `open`: `segment` is the active one; `closes` is the one before it, at its final length. Lines of
 *   `segment` have a position of at least `position`.
 */
export type ManifestRecord =
  | { readonly op: 'create'; readonly createdMs: number }
  | {
      readonly op: 'open';
      readonly segment: number;
      readonly position: number;
      readonly closes?: { readonly segment: number; readonly length: number };
    };

const OPERATIONS: ReadonlySet<string> = new Set(['create', 'open']);

/** A segment in force. */
export interface ManifestSegment {
  readonly number: number;
  readonly firstPosition: number;
  /** Its final length in bytes; undefined for the active one. */
  readonly length: number | undefined;
}

/** The append-only record that alone decides which files are in force, and up to where. */
export class Manifest {
  readonly #file: FileHandle;
  readonly #segments: Map<number, ManifestSegment>;
  #length: number;

  private constructor(file: FileHandle, segments: Map<number, ManifestSegment>, length: number) {
    this.#file = file;
    this.#segments = segments;
    this.#length = length;
  }

  /**
   * Reads the manifest, cutting a torn last record, or begins one.
   *
   * @throws Error naming file and offset if a record before the last is damaged: then nobody can say
   *   which files count, and guessing could lose events.
   */
  static async open(file: string, nowMs: number): Promise<Manifest> {
    // Append mode ignores positions, and a failed append must be written over.
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { size } = await handle.stat();
      const { records, lastOffset, length } = await readRecords(file, size);
      const segments = new Map<number, ManifestSegment>();
      for (const record of records) applyRecord(segments, record);
      const manifest = new Manifest(handle, segments, length);
      if (records.length === 0) await manifest.append({ op: 'create', createdMs: nowMs });
      else await manifest.#makeDurable(lastOffset);
      await syncDirectory(path.dirname(file));
      return manifest;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The segments in force, oldest first. */
  get segments(): readonly ManifestSegment[] {
    return [...this.#segments.values()];
  }

  /**
   * Adds a record; resolves when it is durable.
   *
   * After a failure it is not known whether the record would survive a crash, so the caller must not
   * act as if it had not been written before another append has succeeded, which writes over it.
   */
  async append(record: ManifestRecord): Promise<void> {
    const fields = Buffer.from(JSON.stringify(record).slice(1));
    const line = encodeCheckedLine([fields]);
    await this.#restoreLength();
    await writeAt(this.#file, line, this.#length);
    await this.#file.sync();
    this.#length += line.length;
    applyRecord(this.#segments, record);
  }

  async close(): Promise<void> {
    await this.#file.close();
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

async function readRecords(
  file: string,
  size: number,
): Promise<{ records: readonly ManifestRecord[]; lastOffset: number; length: number }> {
  const records: ManifestRecord[] = [];
  let lastOffset = 0;
  let length = 0;
  let damagedAt: number | undefined;
  for await (const lines of readLines(file, size)) {
    for (const line of lines) {
      const fields = line.isEnded ? checkedFields(line.bytes) : undefined;
      if (fields === undefined) {
        damagedAt ??= line.offset;
        continue;
      }
      if (damagedAt !== undefined) {
        throw new Error(`${file} is damaged at byte ${damagedAt}: restore it from a backup of this folder`);
      }
      // The checksum says that we wrote it; a newer version may have written other records.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const record = JSON.parse(fieldsText(fields)) as ManifestRecord;
      if (!OPERATIONS.has(record.op)) throw newerVersion();
      records.push(record);
      lastOffset = line.offset;
      length = line.offset + line.bytes.length + 1;
    }
  }
  return { records, lastOffset, length };
}

function applyRecord(segments: Map<number, ManifestSegment>, record: ManifestRecord): void {
  if (record.op === 'create') return;
  const { segment, position, closes } = record;
  if (closes !== undefined) {
    const before = segments.get(closes.segment);
    if (before === undefined)
      throw new Error(`the manifest closes segment ${closes.segment}, which it never opened`);
    segments.set(closes.segment, { ...before, length: closes.length });
  }
  segments.set(segment, { number: segment, firstPosition: position, length: undefined });
}
