import { viewOf } from '../../../words.ts';

/** Memory for rows of one cluster, which follow one another in it. */
export interface RowChunk {
  readonly view: DataView;
  readonly start: number;
  /** Where the next row begins. */
  end: number;
  readonly limit: number;
  /** The cluster's next chunk. */
  next: RowChunk | undefined;
}

const SLAB_BYTES = 8 * 1_048_576;
const MAX_CHUNK_BYTES = 65_536;

/** Divides memory into chunks, so that rows that are read together lie together. */
export class ChunkPool {
  #slab = viewOf(Buffer.alloc(0));
  #used = 0;

  /**
   * A new chunk of at least `bytes`.
   *
   * @param before - Bytes of the cluster's chunks so far: the next one is as large as all of them
   *   within a bound, so that few are needed and yet at most half of them can stay empty.
   */
  take(bytes: number, before: number): RowChunk {
    const size = Math.max(bytes, Math.min(MAX_CHUNK_BYTES, before));
    if (this.#used + size > this.#slab.byteLength) {
      this.#slab = viewOf(Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, size)));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size;
    return { view: this.#slab, start, end: start, limit: start + size, next: undefined };
  }
}
