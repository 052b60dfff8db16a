import type { FileHandle } from 'node:fs/promises';

const PIECE_BYTES = 1_048_576;

/** Writes all of the bytes at a place of a file; a single write may be short, when the disk fills up. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    if (bytesWritten === 0) throw new Error('the file took no more bytes');
    written += bytesWritten;
  }
}

/**
 * Writes bytes of a file over themselves, a piece at a time, so that the next flush takes them to disk.
 *
 * After a failed flush the kernel may take pages for clean that never reached the disk; reading them
 * gives the new bytes, and flushing again does nothing.
 */
export async function rewrite(file: FileHandle, start: number, end: number): Promise<void> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  for (let at = start; at < end;) {
    const { bytesRead } = await file.read(piece, 0, Math.min(PIECE_BYTES, end - at), at);
    if (bytesRead === 0) return;
    await writeAt(file, piece.subarray(0, bytesRead), at);
    at += bytesRead;
  }
}
