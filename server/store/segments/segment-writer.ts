import { open, unlink, type FileHandle } from 'node:fs/promises';
import { AppError } from '../../errors.ts';
import { syncDirectory } from '../../sync-directory.ts';
import type { BatchBody } from './batch-line.ts';
import type { DataDir } from './data-dir.ts';
import { isFull, RETRY_AFTER_SECONDS, toAppError, unavailable } from '../../disk-errors.ts';
import { GroupBuffer } from './group-buffer.ts';
import type { Manifest } from './manifest.ts';
import { writeAt } from '../../write-at.ts';

/** A batch that has become durable. */
export interface PlacedLine {
  readonly segment: number;
  readonly offset: number;
  readonly position: number;
}

/** The active segment as recovery left it. */
export interface ActiveSegment {
  readonly number: number;
  readonly length: number;
  /** False if it is damaged at its end: it is then closed at `length` with the next append. */
  readonly canContinue: boolean;
}

export interface SegmentWriterOptions {
  /** A segment of at least this many bytes is closed before the next group. */
  readonly segmentBytes: number;
  /** Bytes that may wait to be written; more are refused. */
  readonly maxWaitingBytes: number;
  /** Bytes of bodies that are written with one flush, if there is more than one body. */
  readonly maxGroupBytes: number;
}

export const WRITER_DEFAULTS: SegmentWriterOptions = Object.freeze({
  segmentBytes: 64 * 1024 * 1024,
  maxWaitingBytes: 64 * 1024 * 1024,
  maxGroupBytes: 8 * 1024 * 1024,
});

interface Waiting {
  readonly body: BatchBody;
  /** Runs when the line is durable, before anyone is told. */
  readonly onDurable: (placed: PlacedLine) => void;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

interface WaitingRoll {
  readonly isForced: boolean;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

interface NextSegment {
  readonly number: number;
  readonly file: FileHandle;
}

/**
 * Appends lines to the active segment; all that wait together share one write and one disk flush.
 *
 * There is no timer: the first append arms the writer, and what arrives while it writes is the next
 * group. After a failed write or flush the page cache can't be trusted, so the segment is closed at
 * its last durable length by a record in the manifest, and a new one continues. Nothing is
 * acknowledged before that record is durable.
 */
export class SegmentWriter {
  readonly #dir: DataDir;
  readonly #manifest: Manifest;
  readonly #options: SegmentWriterOptions;
  readonly #lines = new GroupBuffer();
  #file: FileHandle | undefined;
  #segment: number;
  /** Bytes of the active segment that are durable; the next group is written here. */
  #durable: number;
  /** The next segment's file if it is made but, after a failure, perhaps not yet in force. */
  #next: NextSegment | undefined;
  #lastNumber: number;
  #position: number;
  /** False from a failed write or flush until a new segment has taken over. */
  #isTrusted = true;
  /** Whether the last group was not stored, for whatever reason. */
  #hasFailed = false;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #waitingRolls: WaitingRoll[] = [];
  #running: Promise<void> | undefined;
  #isClosed = false;

  private constructor(
    dir: DataDir,
    manifest: Manifest,
    options: SegmentWriterOptions,
    active: ActiveSegment,
    lastNumber: number,
    lastPosition: number,
    file: FileHandle | undefined,
  ) {
    this.#dir = dir;
    this.#manifest = manifest;
    this.#options = options;
    this.#segment = active.number;
    this.#durable = active.length;
    this.#lastNumber = lastNumber;
    this.#position = lastPosition;
    this.#file = file;
  }

  /**
   * Continues the active segment, or begins the first one with the first append.
   *
   * @param lastNumber - The highest number that any segment file has.
   * @param lastPosition - The highest position that may have been given out.
   */
  static async open(
    dir: DataDir,
    manifest: Manifest,
    options: SegmentWriterOptions,
    active: ActiveSegment | undefined,
    lastNumber: number,
    lastPosition: number,
  ): Promise<SegmentWriter> {
    const file = active?.canContinue === true ? await open(dir.segment(active.number), 'r+') : undefined;
    const from = active ?? { number: 0, length: 0, canContinue: false };
    return new SegmentWriter(dir, manifest, options, from, lastNumber, lastPosition, file);
  }

  /** The active segment up to its last durable byte; number 0 before the first append. */
  get active(): { readonly number: number; readonly length: number } {
    return { number: this.#segment, length: this.#durable };
  }

  /** False from a failed write or flush until one has succeeded. */
  get isWritable(): boolean {
    return !this.#hasFailed;
  }

  /**
   * Appends one line; resolves when it is durable.
   *
   * @param body - From `encodeBatchBody`.
   * @throws AppError `STORE_BUSY`, `STORE_FULL` or `STORE_UNAVAILABLE`; the line is not stored then.
   */
  append(body: BatchBody, onDurable: (placed: PlacedLine) => void): Promise<void> {
    if (this.#isClosed) return Promise.reject(unavailable('the store is closed'));
    if (this.#waitingBytes > 0 && this.#waitingBytes + body.length > this.#options.maxWaitingBytes) {
      const message = 'too much waits to be written to disk';
      return Promise.reject(new AppError('STORE_BUSY', message, { retryAfterSeconds: RETRY_AFTER_SECONDS }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ body, onDurable, resolve, reject });
      this.#waitingBytes += body.length;
      this.#running ??= this.#run();
    });
  }

  /**
   * Closes the active segment, if there is anything in it, behind all that is durable so far.
   *
   * @param isForced - Whether it is closed if it is empty, too.
   * @throws AppError as `append` does.
   */
  roll(isForced = false): Promise<void> {
    if (this.#isClosed) return Promise.reject(unavailable('the store is closed'));
    return new Promise((resolve, reject) => {
      this.#waitingRolls.push({ isForced, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Writes what waits, then lets go of the file. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    await this.#file?.close();
    await this.#next?.file.close();
    this.#file = undefined;
    this.#next = undefined;
  }

  async #run(): Promise<void> {
    // Requests that were read from their sockets in one turn of the event loop share a group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length + this.#waitingRolls.length > 0) {
      await this.#rollIfAsked();
      const group = this.#takeGroup();
      if (group.length === 0) continue;
      try {
        await this.#write(group);
        this.#hasFailed = false;
        for (const waiting of group) waiting.resolve();
      } catch (error) {
        this.#hasFailed = true;
        const failure = toAppError(error);
        for (const waiting of group) waiting.reject(failure);
      }
    }
    this.#running = undefined;
  }

  /** Between groups, since under load there is always one that waits. */
  async #rollIfAsked(): Promise<void> {
    const asked = this.#waitingRolls.splice(0);
    if (asked.length === 0) return;
    try {
      const isForced = asked.some((roll) => roll.isForced);
      // One whose file is missing is left open: somebody may bring it back.
      if (this.#durable > 0 || (isForced && this.#file !== undefined)) await this.#openNext();
      for (const { resolve } of asked) resolve();
    } catch (error) {
      const failure = toAppError(error);
      for (const { reject } of asked) reject(failure);
    }
  }

  #takeGroup(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { body } of this.#waiting) {
      if (count > 0 && bytes + body.length > this.#options.maxGroupBytes) break;
      bytes += body.length;
      count++;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    await this.#emptyFailed();
    let file = this.#file;
    if (file === undefined || !this.#isTrusted || this.#durable >= this.#options.segmentBytes) {
      file = await this.#openNext();
    }
    const durable = this.#durable;
    const bodies = group.map(({ body }) => body);
    const { bytes, starts } = this.#lines.encode(bodies, durable, this.#position + 1);
    const placed = starts.map((start) => ({
      segment: this.#segment,
      offset: durable + start,
      position: ++this.#position,
    }));
    await this.#writeDurably(file, bytes);
    this.#durable = durable + bytes.length;
    for (const [index, place] of placed.entries()) group[index]?.onDurable(place);
  }

  async #writeDurably(file: FileHandle, bytes: Buffer): Promise<void> {
    try {
      await writeAt(file, bytes, this.#durable);
      await file.datasync();
    } catch (error) {
      this.#isTrusted = false;
      // A full disk says nothing against the file: without the bytes that did fit it is as it was.
      if (isFull(error)) {
        await file.truncate(this.#durable);
        this.#isTrusted = true;
      }
      throw error;
    }
  }

  /**
   * Empties a segment that failed before anything of it was durable, and trusts it again: without its
   * pages there is nothing that the kernel could take for clean. Otherwise a disk that fails for hours
   * would leave a file and a manifest record for each attempt.
   */
  async #emptyFailed(): Promise<void> {
    if (this.#file === undefined || this.#isTrusted || this.#durable > 0 || this.#next !== undefined) return;
    await this.#file.truncate(0);
    this.#isTrusted = true;
  }

  /** Closes the active segment at its durable length and opens the next, in one manifest record. */
  async #openNext(): Promise<FileHandle> {
    // Should any step fail, it is not known what the manifest would say after a crash. Nothing more
    // may then be acknowledged in the old segment, whose length that record may have fixed.
    this.#isTrusted = false;
    this.#next ??= await this.#createNext();
    const { number, file } = this.#next;
    const record = { op: 'open', segment: number, position: this.#position + 1 } as const;
    const closes = { segment: this.#segment, length: this.#durable };
    await this.#manifest.append(this.#segment === 0 ? record : { ...record, closes });
    await this.#release();
    this.#next = undefined;
    this.#file = file;
    this.#segment = number;
    this.#durable = 0;
    this.#isTrusted = true;
    return file;
  }

  /** Makes the file of the next segment, empty and with a durable name. */
  async #createNext(): Promise<NextSegment> {
    // Also if it fails: what can't be removed then keeps its number.
    const number = ++this.#lastNumber;
    const path = this.#dir.segment(number);
    const file = await open(path, 'wx', 0o600);
    try {
      await file.sync();
      await syncDirectory(this.#dir.segments);
    } catch (error) {
      await file.close();
      await unlink(path);
      throw error;
    }
    return { number, file };
  }

  /** Lets go of the active segment, giving back the space of what does not count. */
  async #release(): Promise<void> {
    try {
      await this.#file?.truncate(this.#durable);
      await this.#file?.close();
    } catch {
      // All of it that counts is durable, and the manifest says where it ends.
    }
  }
}
