import type { FileHandle } from 'node:fs/promises';

/** Writes all of the bytes at a place of a file; a single write may be short, when the disk fills up. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    if (bytesWritten === 0) throw new Error('the file took no more bytes');
    written += bytesWritten;
  }
}
