import type { RowSink } from '../store/event-store.ts';
import { WORD_SLACK_BYTES } from '../store/segments/sealed/words.ts';
import type { BufferedOutput } from './output/buffered-output.ts';
import { extraOf, RowEncoding, type RowForm } from './rows/row-encoding.ts';
import { ThreadEncoder } from './rows/thread-encoder.ts';

/** Bytes of rows before a thread is started: a small report is not worth one. */
const THREAD_FROM_BYTES = 2_097_152;
/** Bytes of rows that are handed to it at once. */
const CHUNK_BYTES = 262_144;
/** Chunks that may be under way before there is a wait. */
const MAX_CHUNKS = 4;

/** Writes rows in the form that was asked for; many of them with the help of a thread. */
export class RowWriter implements RowSink {
  readonly #form: RowForm;
  readonly #output: BufferedOutput;
  readonly #threadPath: string | undefined;
  #extra: number | undefined;
  #encoding: RowEncoding | undefined;
  #neededExtra = 0;
  #threadRows = 0;
  #added = 0;
  #thread: ThreadEncoder | undefined;
  readonly #free: Buffer[] = [];
  #chunk: Buffer | undefined;
  #filled = 0;
  #chunks = 0;
  #last: Promise<void> = Promise.resolve();
  #failure: unknown;
  #onRoom: (() => void) | undefined;

  /**
   * @param extra - How many columns `context1`, … there are to be, of a table; undefined to have the first rows tell.
   *   If other rows have more values, `neededExtra` says so in the end, and what was written is of no use.
   * @param threadPath - The built entry, `encoding-thread.js`; without it this thread does all.
   */
  constructor(form: RowForm, extra: number | undefined, output: BufferedOutput, threadPath?: string) {
    this.#form = form;
    this.#extra = extra;
    this.#output = output;
    this.#threadPath = threadPath;
  }

  /** Rows so far, as far as they are encoded. */
  get rows(): number {
    return (this.#encoding?.rows ?? 0) + this.#threadRows;
  }

  /** How many columns `context1`, … the rows take, if that is more than there are; else undefined. */
  get neededExtra(): number | undefined {
    const needed = Math.max(this.#neededExtra, this.#encoding?.neededExtra ?? 0);
    return needed > (this.#extra ?? 0) ? needed : undefined;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.#added += end - start;
    if (this.#thread?.isOnline === true) {
      this.#hand(bytes, start, end);
      return;
    }
    this.#extra ??= extraOf(this.#form, bytes, start, end);
    this.#begin().encode(bytes, start, end);
    if (this.#threadPath === undefined || this.#thread !== undefined || this.#added < THREAD_FROM_BYTES)
      return;
    this.#thread = new ThreadEncoder(this.#threadPath, { form: this.#form, extra: this.#extra });
  }

  drained(): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#chunks < MAX_CHUNKS) return this.#output.drained();
    return new Promise((resolve, reject) => {
      this.#onRoom = () => {
        if (this.#failure === undefined) resolve();
        else reject(this.#failure);
      };
    });
  }

  /** Encodes what is left, and what belongs to a report without rows, too; resolves when the output has all. */
  async finish(): Promise<void> {
    this.#begin();
    this.#handChunk();
    await this.#last;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }

  #begin(): RowEncoding {
    if (this.#encoding === undefined) {
      this.#encoding = new RowEncoding(this.#form, this.#extra ?? 0, this.#output);
      this.#output.append(this.#encoding.head);
    }
    return this.#encoding;
  }

  /** Collects rows for the thread. */
  #hand(bytes: Buffer, start: number, end: number): void {
    if (this.#chunk !== undefined && this.#filled + end - start + WORD_SLACK_BYTES > this.#chunk.length) {
      this.#handChunk();
    }
    this.#chunk ??= this.#chunkFor(end - start + WORD_SLACK_BYTES);
    bytes.copy(this.#chunk, this.#filled, start, end);
    this.#filled += end - start;
  }

  #handChunk(): void {
    const chunk = this.#chunk;
    if (this.#thread === undefined || chunk === undefined) return;
    this.#last = this.#write(this.#thread, chunk, this.#filled, this.#last);
    this.#chunk = undefined;
    this.#filled = 0;
  }

  /** Has rows encoded, and writes what has become of them behind what comes before. */
  async #write(thread: ThreadEncoder, chunk: Buffer, length: number, before: Promise<void>): Promise<void> {
    this.#chunks++;
    try {
      const [answer] = await Promise.all([thread.encode(chunk.subarray(0, length)), before]);
      if (chunk.length === CHUNK_BYTES) this.#free.push(chunk);
      this.#threadRows += answer.rows;
      this.#neededExtra = answer.neededExtra;
      for (const made of answer.made) void this.#put(thread, made);
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#chunks--;
      this.#onRoom?.();
      this.#onRoom = undefined;
    }
  }

  async #put(thread: ThreadEncoder, made: Uint8Array): Promise<void> {
    await this.#output.put(Buffer.from(made.buffer, made.byteOffset, made.length));
    thread.recycle(made);
  }

  #chunkFor(bytes: number): Buffer {
    if (bytes > CHUNK_BYTES) return Buffer.from(new SharedArrayBuffer(bytes));
    return this.#free.pop() ?? Buffer.from(new SharedArrayBuffer(CHUNK_BYTES));
  }
}
