import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { writeAt } from '../../write-at.ts';
import type { ByteSink, SunkBytes } from './byte-sink.ts';
import { ThreadDigest } from './thread-digest.ts';

/** From so many bytes on a thread is worth its start, even if it reads again what was read here before. */
const THREAD_FROM_BYTES = 8_388_608;
const READ_BYTES = 262_144;

/** Writes to a file, from its beginning. */
export class FileSink implements ByteSink {
  readonly #file: FileHandle;
  #threadPath: string | undefined;
  readonly #hash = createHash('sha256');
  #thread: ThreadDigest | undefined;
  /** Whether the checksum is the thread's from here on; what was put before it began is in both. */
  #isHandedOver = false;
  /** All bytes before have been written. */
  #before: Promise<void> = Promise.resolve();
  #bytes = 0;

  /**
   * @param file - Open for reading and writing for as long as this is.
   * @param threadPath - The built entry, `digest-thread.js`, of the thread that makes the checksum of a large file;
   *   without it there is none.
   */
  constructor(file: FileHandle, threadPath?: string) {
    this.#file = file;
    this.#threadPath = threadPath;
  }

  put(bytes: Uint8Array): Promise<void> {
    this.#isHandedOver ||= this.#thread?.hasBegun === true;
    if (!this.#isHandedOver) this.#hash.update(bytes);
    const position = this.#bytes;
    this.#bytes += bytes.length;
    if (this.#thread === undefined && this.#bytes >= THREAD_FROM_BYTES) this.#startThread();
    const writing = writeAt(this.#file, bytes, position);
    this.#before = this.#advance(this.#before, writing);
    // Whoever put them is told.
    this.#before.catch(() => undefined);
    return writing;
  }

  async end(): Promise<SunkBytes> {
    await this.#before;
    return { bytes: this.#bytes, sha256: await this.#digest() };
  }

  async close(): Promise<void> {
    await this.#before.catch(() => undefined);
    await this.#thread?.close();
  }

  #startThread(): void {
    const modulePath = this.#threadPath;
    // It is tried once: what was put until then is in the checksum that is made here.
    this.#threadPath = undefined;
    try {
      if (modulePath !== undefined) this.#thread = new ThreadDigest(modulePath, this.#file.fd);
    } catch {
      // The system may have no thread left.
    }
  }

  async #digest(): Promise<string> {
    if (this.#thread === undefined || !this.#isHandedOver) return this.#hash.digest('hex');
    // What keeps a thread from its work need not cost the report.
    return this.#thread.end(this.#bytes).catch(() => this.#digestOfFile());
  }

  async #digestOfFile(): Promise<string> {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let at = 0; at < this.#bytes;) {
      const { bytesRead } = await this.#file.read(buffer, 0, Math.min(READ_BYTES, this.#bytes - at), at);
      if (bytesRead === 0) throw new Error('the file is shorter than what was written to it');
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return hash.digest('hex');
  }

  async #advance(before: Promise<void>, writing: Promise<void>, end = this.#bytes): Promise<void> {
    await Promise.all([before, writing]);
    this.#thread?.advance(end);
  }
}
