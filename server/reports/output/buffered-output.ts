import type { FileHandle } from 'node:fs/promises';
import type { ReportOutput } from '../../../shared/report.ts';
import { viewOf, WORD_SLACK_BYTES } from '../../store/segments/sealed/words.ts';
import type { ByteTarget } from '../rows/row-encoding.ts';
import type { ByteSink, SunkBytes } from './byte-sink.ts';
import { FileSink } from './file-sink.ts';
import { GzipSink } from './gzip-sink.ts';

const BUFFER_BYTES = 524_288;
/** Full buffers that may be under way before there is a wait. */
const MAX_PENDING = 3;

/** Collects what is written of a report in large buffers, and writes those while the next is being filled. */
export class BufferedOutput implements ByteTarget {
  readonly #sink: ByteSink;
  readonly #free: Buffer[] = [];
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #pending = 0;
  #failure: unknown;
  #onRoom: (() => void) | undefined;
  view: DataView = viewOf(this.#buffer);
  length = 0;

  /** @param file - Empty, open for writing for as long as this is. */
  constructor(file: FileHandle, compression: ReportOutput['compression']) {
    const sink = new FileSink(file);
    this.#sink = compression === null ? sink : new GzipSink(sink);
  }

  reserve(bytes: number): void {
    if (this.length + bytes <= this.#buffer.length) return;
    this.#flush();
    if (bytes <= this.#buffer.length) return;
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
    this.view = viewOf(this.#buffer);
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    this.reserve(bytes.length + WORD_SLACK_BYTES);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Writes bytes behind all that was put before; resolves, never rejecting, when they may be changed again. */
  async put(bytes: Buffer): Promise<void> {
    this.#flush();
    await this.#write(bytes);
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
    this.#flush();
    const sunk = await this.#sink.end();
    if (this.#failure !== undefined) throw this.#failure;
    return sunk;
  }

  /** Resolves when nothing is being written. */
  async close(): Promise<void> {
    await this.#sink.close();
  }

  #flush(): void {
    if (this.length === 0) return;
    const buffer = this.#buffer;
    void this.#writeAndFree(buffer, this.length);
    this.#buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.view = viewOf(this.#buffer);
    this.length = 0;
  }

  async #writeAndFree(buffer: Buffer, length: number): Promise<void> {
    await this.#write(buffer.subarray(0, length));
    if (buffer.length === BUFFER_BYTES && this.#free.length < MAX_PENDING) this.#free.push(buffer);
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#pending++;
    try {
      await this.#sink.put(bytes);
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#pending--;
      this.#onRoom?.();
      this.#onRoom = undefined;
    }
  }
}
