/** Buffers that are used again and again: what is only let go of stays in memory until somebody looks. */
export class BufferPool {
  readonly #bytes: number;
  readonly #free: Buffer[] = [];

  /** @param bytes - Of each buffer. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** A buffer of at least so many bytes. */
  take(bytes: number): Buffer {
    if (bytes > this.#bytes) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
  }

  /** Takes a buffer back that nobody uses any more. */
  give(buffer: Buffer): void {
    if (buffer.length === this.#bytes) this.#free.push(buffer);
  }
}
