import { viewOf, WORD_SLACK_BYTES } from '../../words.ts';
import type { ByteTarget } from './row-encoding.ts';

const CHUNK_BYTES = 524_288;
/** Chunks that are kept for the next time. */
const MAX_FREE = 4;

/** Collects what rows have become in large chunks. */
export class ChunkTarget implements ByteTarget {
  readonly #allocate: (bytes: number) => Buffer;
  readonly #free: Buffer[] = [];
  #chunk: Buffer;
  #full: Buffer[] = [];
  view: DataView;
  length = 0;

  /** @param allocate - Gives a buffer of its own. */
  constructor(allocate: (bytes: number) => Buffer) {
    this.#allocate = allocate;
    this.#chunk = allocate(CHUNK_BYTES);
    this.view = viewOf(this.#chunk);
  }

  /** Whether there is a whole chunk to be taken. */
  get isFull(): boolean {
    return this.#full.length > 0;
  }

  reserve(bytes: number): void {
    if (this.length + bytes <= this.#chunk.length) return;
    this.#end();
    this.#begin(bytes);
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    this.reserve(bytes.length + WORD_SLACK_BYTES);
    this.#chunk.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Takes all that was written; `recycle` is to be told when nobody needs it any more. */
  take(): readonly Buffer[] {
    this.#end();
    const full = this.#full;
    this.#full = [];
    this.#begin(CHUNK_BYTES);
    return full;
  }

  recycle({ buffer }: Uint8Array): void {
    if (buffer.byteLength === CHUNK_BYTES && this.#free.length < MAX_FREE)
      this.#free.push(Buffer.from(buffer));
  }

  #end(): void {
    if (this.length > 0) this.#full.push(this.#chunk.subarray(0, this.length));
    else this.recycle(this.#chunk);
    this.length = 0;
  }

  #begin(bytes: number): void {
    const free = bytes <= CHUNK_BYTES ? this.#free.pop() : undefined;
    this.#chunk = free ?? this.#allocate(Math.max(bytes, CHUNK_BYTES));
    this.view = viewOf(this.#chunk);
  }
}
