import { MAX_PLACED_BYTES, writeBatchLine, type BatchBody } from './batch-line.ts';

/** A larger group is rare, and gets a buffer of its own. */
const KEPT_BYTES = 2 * 1024 * 1024;

/** Encodes groups of lines, one after the other into the same memory. */
export class GroupBuffer {
  #kept: Buffer | undefined;

  /**
   * The lines of a group, to be written at one place of a file.
   *
   * @param durable - That place: where the durable bytes of the file end.
   * @param position - Of the first line; the others follow.
   * @returns Bytes that stay as they are until the next call, and where each line begins in them.
   */
  encode(
    bodies: readonly BatchBody[],
    durable: number,
    position: number,
  ): { readonly bytes: Buffer; readonly starts: readonly number[] } {
    const buffer = this.#ofSize(bodies.reduce((bytes, { length }) => bytes + length + MAX_PLACED_BYTES, 0));
    const starts: number[] = [];
    let end = 0;
    for (const [index, body] of bodies.entries()) {
      starts.push(end);
      end = writeBatchLine(body, position + index, index === 0 ? durable : undefined, buffer, end);
    }
    return { bytes: buffer.subarray(0, end), starts };
  }

  #ofSize(bytes: number): Buffer {
    if (bytes > KEPT_BYTES) return Buffer.allocUnsafeSlow(bytes);
    this.#kept ??= Buffer.allocUnsafeSlow(KEPT_BYTES);
    return this.#kept;
  }
}
