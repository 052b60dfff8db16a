import { open } from 'node:fs/promises';
import { onTestFinished, vi } from 'vitest';

type Read = (
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number }>;

export interface FileReads {
  /** The lengths that were asked for since they were cleared. */
  lengths(): readonly number[];
  /** Bytes that were read since. */
  bytes(): number;
  /** Lets the next read fail as a disk does. */
  failOnce(code: string): void;
  /** Lets reads fail at places of files, by their offset. */
  failWhere(isBad: (offset: number) => boolean, code: string): void;
  clear(): void;
}

/** Watches the reads of all open files until the test ends. */
export async function watchReads(): Promise<FileReads> {
  const handle = await open(import.meta.filename);
  const prototype: unknown = Object.getPrototypeOf(handle);
  await handle.close();
  // Its type says nothing of a prototype.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const target = prototype as { read: Read };
  const original = target.read;
  const reads = vi.spyOn(target, 'read');
  onTestFinished(() => reads.mockRestore());
  return {
    lengths: () => reads.mock.calls.map(([, , length]) => length),
    bytes: () =>
      reads.mock.settledResults.reduce(
        (sum, { type, value }) => sum + (type === 'fulfilled' ? value.bytesRead : 0),
        0,
      ),
    failOnce: (code) => reads.mockRejectedValueOnce(Object.assign(new Error(code), { code })),
    failWhere: (isBad, code) => {
      const read = reads.getMockImplementation() ?? original;
      reads.mockImplementation(function (this: unknown, buffer, offset, length, position) {
        if (isBad(position)) return Promise.reject(Object.assign(new Error(code), { code }));
        return read.call(this, buffer, offset, length, position);
      });
    },
    clear: () => reads.mockClear(),
  };
}
