import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { rewrite, writeAt } from '../../write-at.ts';

const PIECE_BYTES = 1_048_576;

/**
 * A second file with the records of a manifest, byte for byte, for the day on which the first is damaged.
 *
 * It follows the manifest and is never ahead of it. What fails here is made good with the next record, or at
 * the next start: the records count without it.
 */
export class ManifestCopy {
  readonly #path: string;
  #file: FileHandle | undefined;
  /** Bytes from the beginning that are those of the manifest. */
  #length: number;
  /** That those are on the disk: what can be read of an earlier process's may be there in memory only. */
  #isDurable = false;

  /** @param length - Bytes from the beginning that are those of the manifest. */
  constructor(path: string, length: number) {
    this.#path = path;
    this.#length = length;
  }

  /** Makes it hold the first bytes of the manifest, so many, and no more; resolves also if that failed. */
  async follow(manifest: FileHandle, length: number): Promise<void> {
    try {
      this.#file ??= await open(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
      const { size } = await this.#file.stat();
      if (size === length && this.#length === length && this.#isDurable) return;
      // Somebody may have cut it, or put another in its place.
      const same = Math.min(size, this.#length);
      await this.#file.truncate(same);
      if (!this.#isDurable) await rewrite(this.#file, 0, same);
      await copyRange(manifest, this.#file, same, length);
      await this.#file.sync();
      this.#length = length;
      this.#isDurable = true;
    } catch {
      await this.close();
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // Nobody counts on what was written to it; a failed close changes nothing.
    await file?.close().catch(() => undefined);
  }
}

async function copyRange(from: FileHandle, to: FileHandle, start: number, end: number): Promise<void> {
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - start));
  for (let at = start; at < end;) {
    const { bytesRead } = await from.read(piece, 0, Math.min(piece.length, end - at), at);
    if (bytesRead === 0) throw new Error('the manifest ends too early');
    await writeAt(to, piece.subarray(0, bytesRead), at);
    at += bytesRead;
  }
}
