import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { syncDirectory } from '../../sync-directory.ts';
import { encodeCheckedLine, fieldsText, isWholeLine } from './checked-line.ts';
import { readLines } from './segment-lines.ts';
import { writeAt } from '../../write-at.ts';

/**
 * One change of the files in force. Each is one line, so that a crash leaves it done or not done.
 *
 * - `create`: the store begins.
 * - `open`: `segment` is the active one; `closes` is the one before it, at its final length. Lines of
 *   `segment` have a position of at least `position`.
 * - `cut`: the active `segment` had a torn tail and counts up to `length`.
 * - `drop`: the line at `offset` of `segment` is a second copy of a batch and does not count.
 */
export type ManifestRecord =
  | { readonly op: 'create'; readonly createdMs: number }
  | {
      readonly op: 'open';
      readonly segment: number;
      readonly position: number;
      readonly closes?: { readonly segment: number; readonly length: number };
    }
  | { readonly op: 'cut'; readonly segment: number; readonly length: number }
  | { readonly op: 'drop'; readonly segment: number; readonly offset: number };

/** A segment in force. */
export interface ManifestSegment {
  readonly number: number;
  readonly firstPosition: number;
  /** Its final length in bytes; undefined for the active one. */
  readonly length: number | undefined;
  readonly dropped: readonly number[];
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
    const handle = await open(file, 'a+').then(async (created) => {
      // Append mode ignores positions, and a failed append must be written over.
      await created.close();
      return open(file, 'r+');
    });
    try {
      const { size } = await handle.stat();
      const { records, length } = await readRecords(file, size);
      const segments = new Map<number, ManifestSegment>();
      for (const record of records) applyRecord(segments, record);
      const manifest = new Manifest(handle, segments, length);
      if (records.length === 0) await manifest.append({ op: 'create', createdMs: nowMs });
      else if (length < size) await manifest.#restoreLength();
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
): Promise<{ records: readonly ManifestRecord[]; length: number }> {
  const records: ManifestRecord[] = [];
  let length = 0;
  let damagedAt: number | undefined;
  for await (const lines of readLines(file, size)) {
    for (const line of lines) {
      if (!line.isEnded || !isWholeLine(line.bytes)) {
        damagedAt ??= line.offset;
        continue;
      }
      if (damagedAt !== undefined) {
        throw new Error(`${file} is damaged at byte ${damagedAt}: restore it from a backup of this folder`);
      }
      // The checksum says that we wrote it, and we write nothing else.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      records.push(JSON.parse(fieldsText(line.bytes)) as ManifestRecord);
      length = line.offset + line.bytes.length + 1;
    }
  }
  return { records, length };
}

function applyRecord(segments: Map<number, ManifestSegment>, record: ManifestRecord): void {
  switch (record.op) {
    case 'create':
      return;
    case 'open':
      if (record.closes !== undefined) {
        const { segment, length } = record.closes;
        changeSegment(segments, segment, (before) => ({ ...before, length }));
      }
      segments.set(record.segment, {
        number: record.segment,
        firstPosition: record.position,
        length: undefined,
        dropped: [],
      });
      return;
    case 'cut':
      // The file itself is cut as well; the record says why it is shorter than some later look expects.
      return;
    case 'drop':
      changeSegment(segments, record.segment, (before) => ({
        ...before,
        dropped: [...before.dropped, record.offset],
      }));
      return;
  }
}

function changeSegment(
  segments: Map<number, ManifestSegment>,
  number: number,
  change: (before: ManifestSegment) => ManifestSegment,
): void {
  const before = segments.get(number);
  if (before === undefined) throw new Error(`the manifest names segment ${number}, which it never opened`);
  segments.set(number, change(before));
}
