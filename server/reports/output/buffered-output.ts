import type { FileHandle } from 'node:fs/promises';
import type { ReportOutput } from '../../../shared/report.ts';
import { viewOf, WORD_SLACK_BYTES } from '../../store/segments/sealed/words.ts';
import type { ByteSink, SunkBytes } from './byte-sink.ts';
import { FileSink } from './file-sink.ts';
import { GzipSink } from './gzip-sink.ts';
import { ThreadSink } from './thread-sink.ts';

const BUFFER_BYTES = 1_048_576;
/** Full buffers that may be under way before there is a wait. */
const MAX_PENDING = 3;

/**
 * Collects what is written of a report in large buffers, and writes those while the next is being filled.
 *
 * Whoever writes asks for room, puts bytes to `view` from `length` on, and says where they end.
 */
export class BufferedOutput {
  readonly #file: FileHandle;
  readonly #compression: ReportOutput['compression'];
  readonly #threadPath: string | undefined;
  readonly #free: Buffer[] = [];
  #buffer: Buffer;
  #sink: ByteSink | undefined;
  #pending = 0;
  #failure: unknown;
  #onRoom: (() => void) | undefined;
  /** The buffer that is being filled. */
  view: DataView;
  /** How many bytes are in it. */
  length = 0;

  /**
   * @param file - Empty, open for writing for as long as this is.
   * @param threadPath - The built entry of the thread that large outputs are written by, `output-thread.js`; without
   *   one this thread writes.
   */
  constructor(file: FileHandle, compression: ReportOutput['compression'], threadPath: string | undefined) {
    this.#file = file;
    this.#compression = compression;
    this.#threadPath = compression === null ? threadPath : undefined;
    this.#buffer = this.#allocate(BUFFER_BYTES);
    this.view = viewOf(this.#buffer);
  }

  /** Makes room for so many bytes behind `length`. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.#buffer.length) return;
    this.#flush();
    const free = this.#free.pop() ?? this.#allocate(BUFFER_BYTES);
    this.#buffer = bytes <= free.length ? free : this.#allocate(bytes);
    this.view = viewOf(this.#buffer);
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    this.reserve(bytes.length + WORD_SLACK_BYTES);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /**
   * A promise to wait for before more is written, if there is much that has not reached the file yet.
   *
   * @throws What made a write fail.
   */
  drained(): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pending < MAX_PENDING) return undefined;
    return new Promise((resolve, reject) => {
      this.#onRoom = () => {
        if (this.#failure === undefined) resolve();
        else reject(this.#failure);
      };
    });
  }

  /** Writes what is left; resolves when all has been given to the operating system. */
  async end(): Promise<SunkBytes> {
    // A small report is not worth a thread.
    this.#sink ??= this.#openSink(undefined);
    this.#flush();
    const sunk = await this.#sink.end();
    if (this.#failure !== undefined) throw this.#failure;
    return sunk;
  }

  /** Resolves when nothing is being written. */
  async close(): Promise<void> {
    await this.#sink?.close();
  }

  #flush(): void {
    this.#sink ??= this.#openSink(this.#threadPath);
    const buffer = this.#buffer;
    this.#pending++;
    this.#sink
      .put(buffer.subarray(0, this.length))
      .catch((error: unknown) => (this.#failure ??= error))
      .finally(() => {
        this.#pending--;
        if (buffer.length === BUFFER_BYTES && this.#free.length < MAX_PENDING) this.#free.push(buffer);
        this.#onRoom?.();
        this.#onRoom = undefined;
      });
    this.length = 0;
  }

  #openSink(threadPath: string | undefined): ByteSink {
    if (threadPath !== undefined) return new ThreadSink(this.#file, threadPath);
    const sink = new FileSink(this.#file);
    return this.#compression === null ? sink : new GzipSink(sink);
  }

  #allocate(bytes: number): Buffer {
    return this.#threadPath === undefined
      ? Buffer.allocUnsafeSlow(bytes)
      : Buffer.from(new SharedArrayBuffer(bytes));
  }
}
