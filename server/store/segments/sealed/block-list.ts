import { crc32 } from 'node:zlib';
import type { SealedBlock } from './sealed-index.ts';

/** Bytes after which a block ends with the next end of a line. */
export const BLOCK_BYTES = 131_072;

const NEWLINE = 0x0a;

/** Divides lines into blocks while they are written. */
export class BlockList {
  readonly #firstOf: (lines: Buffer, at: number) => number;
  #blocks: SealedBlock[] = [];
  #bytes = 0;
  #checksum = 0;
  #first = 0;

  /** @param firstOf - The number that the line at a place is ordered by. */
  constructor(firstOf: (lines: Buffer, at: number) => number) {
    this.#firstOf = firstOf;
  }

  /** @param lines - Whole lines that follow those added before. */
  add(lines: Buffer): void {
    for (let at = 0; at < lines.length;) {
      if (this.#bytes === 0) this.#first = this.#firstOf(lines, at);
      const last = at + BLOCK_BYTES - this.#bytes - 1;
      const end = last < lines.length ? lines.indexOf(NEWLINE, last) + 1 : lines.length;
      this.#checksum = crc32(lines.subarray(at, end), this.#checksum);
      this.#bytes += end - at;
      if (last < lines.length) this.#endBlock();
      at = end;
    }
  }

  /** Ends the list and begins the next one. */
  end(): readonly SealedBlock[] {
    if (this.#bytes > 0) this.#endBlock();
    const blocks = this.#blocks;
    this.#blocks = [];
    return blocks;
  }

  #endBlock(): void {
    this.#blocks.push([this.#bytes, checksumText(this.#checksum), this.#first]);
    this.#bytes = 0;
    this.#checksum = 0;
  }
}

export function checksumText(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}
