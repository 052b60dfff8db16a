import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RowSink } from '../store/event-store.ts';
import { WORD_SLACK_BYTES } from '../words.ts';
import type { ByteSink } from './output/byte-sink.ts';
import { ChunkTarget } from './rows/chunk-target.ts';
import { extraOf, RowEncoding, type RowForm } from './rows/row-encoding.ts';
import { ThreadEncoder } from './rows/thread-encoder.ts';

/** Bytes of rows before a thread is started: a small report is not worth one. */
const THREAD_FROM_BYTES = 2_097_152;
/** Bytes of rows that are encoded at once, in the thread or here. */
const CHUNK_BYTES = 262_144;
/** Chunks that wait for the thread, or are with it; what comes beyond them is encoded here meanwhile. */
const MAX_HANDED = 2;
/** Encoded chunks that may wait to be written, for those before them. */
const MAX_WAITING = 6;

/** Writes rows in the form that was asked for; of many of them a thread encodes some. */
export class RowWriter implements RowSink {
  readonly #form: RowForm;
  readonly #sink: ByteSink;
  readonly #threadPath: string | undefined;
  readonly #target = new ChunkTarget((bytes) => Buffer.allocUnsafeSlow(bytes));
  #extra: number | undefined;
  #encoding: RowEncoding | undefined;
  #thread: ThreadEncoder | undefined;
  #added = 0;
  readonly #free: Buffer[] = [];
  #chunk: Buffer | undefined;
  #filled = 0;
  #handed = 0;
  #waiting = 0;
  /** All that has been begun is written; never rejects. */
  #last: Promise<void> = Promise.resolve();
  #failure: unknown;
  #isTurnDue = false;
  #threadRows = 0;
  #threadNeededExtra = 0;

  /**
   * @param extra - How many columns `context1`, … there are to be, of a table; undefined to have the first rows tell.
   *   If other rows have more values, `neededExtra` says so in the end, and what was written is of no use.
   * @param threadPath - The built entry, `encoding-thread.js`; without it there is no thread.
   */
  constructor(form: RowForm, extra: number | undefined, sink: ByteSink, threadPath?: string) {
    this.#form = form;
    this.#extra = extra;
    this.#sink = sink;
    this.#threadPath = threadPath;
  }

  /** Rows so far, as far as they are encoded. */
  get rows(): number {
    return (this.#encoding?.rows ?? 0) + this.#threadRows;
  }

  /** How many columns `context1`, … the rows take, if that is more than there are; else undefined. */
  get neededExtra(): number | undefined {
    const needed = Math.max(this.#threadNeededExtra, this.#encoding?.neededExtra ?? 0);
    return needed > (this.#extra ?? 0) ? needed : undefined;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.#added += end - start;
    this.#extra ??= extraOf(this.#form, bytes, start, end);
    if (this.#thread?.isOnline === true) this.#collect(this.#thread, bytes, start, end);
    else this.#encode(bytes, start, end);
    if (this.#threadPath === undefined || this.#added < THREAD_FROM_BYTES) return;
    this.#thread ??= new ThreadEncoder(this.#threadPath, { form: this.#form, extra: this.#extra });
  }

  drained(): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#waiting >= MAX_WAITING) return this.#last;
    if (!this.#isTurnDue) return undefined;
    // Without one the thread's answers would never arrive.
    this.#isTurnDue = false;
    return nextTurn();
  }

  /** Writes what is left, and what belongs to a report without rows, too; resolves when the sink has all. */
  async finish(): Promise<void> {
    this.#begin();
    if (this.#thread !== undefined) this.#endChunk(this.#thread);
    this.#put(this.#target.take());
    await this.#last;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.#thread?.close();
    await this.#last;
  }

  #begin(): RowEncoding {
    if (this.#encoding === undefined) {
      this.#encoding = new RowEncoding(this.#form, this.#extra ?? 0, this.#target);
      this.#target.append(this.#encoding.head);
    }
    return this.#encoding;
  }

  #encode(bytes: Buffer, start: number, end: number): void {
    this.#begin().encode(bytes, start, end);
    if (this.#target.isFull) this.#put(this.#target.take());
  }

  /** Puts rows to others, to be encoded together. */
  #collect(thread: ThreadEncoder, bytes: Buffer, start: number, end: number): void {
    const needed = end - start + WORD_SLACK_BYTES;
    if (this.#chunk !== undefined && this.#filled + needed > this.#chunk.length) this.#endChunk(thread);
    this.#chunk ??= this.#chunkFor(needed);
    bytes.copy(this.#chunk, this.#filled, start, end);
    this.#filled += end - start;
  }

  /** Has the chunk encoded by whoever comes to it first. */
  #endChunk(thread: ThreadEncoder): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    const filled = this.#filled;
    this.#chunk = undefined;
    this.#filled = 0;
    this.#isTurnDue = true;
    // What was encoded here goes before.
    this.#put(this.#target.take());
    if (this.#handed < MAX_HANDED) this.#writeNext(this.#byThread(thread, chunk, filled));
    else {
      this.#encode(chunk, 0, filled);
      this.#put(this.#target.take());
      this.#recycle(chunk);
    }
  }

  async #byThread(thread: ThreadEncoder, chunk: Buffer, filled: number): Promise<readonly Uint8Array[]> {
    this.#handed++;
    const { made, rows, neededExtra } = await thread.encode(chunk.subarray(0, filled));
    this.#handed--;
    this.#recycle(chunk);
    this.#threadRows += rows;
    this.#threadNeededExtra = neededExtra;
    return made;
  }

  #put(made: readonly Buffer[]): void {
    if (made.length > 0) this.#writeNext(Promise.resolve(made));
  }

  /** Writes bytes behind all that has been begun before. */
  #writeNext(encoded: Promise<readonly Uint8Array[]>): void {
    this.#last = this.#write(encoded, this.#last);
  }

  async #write(encoded: Promise<readonly Uint8Array[]>, before: Promise<void>): Promise<void> {
    this.#waiting++;
    try {
      const [made] = await Promise.all([encoded, before]);
      for (const bytes of made) {
        if (this.#failure === undefined) await this.#sink.put(bytes);
        if (bytes.buffer instanceof SharedArrayBuffer) this.#thread?.recycle(bytes);
        else this.#target.recycle(bytes);
      }
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#waiting--;
    }
  }

  #chunkFor(bytes: number): Buffer {
    const free = bytes <= CHUNK_BYTES ? this.#free.pop() : undefined;
    return free ?? Buffer.from(new SharedArrayBuffer(Math.max(bytes, CHUNK_BYTES)));
  }

  #recycle(chunk: Buffer): void {
    if (chunk.length === CHUNK_BYTES) this.#free.push(chunk);
  }
}
