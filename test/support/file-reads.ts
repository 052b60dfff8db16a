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
  clear(): void;
}

/** Watches the reads of all open files until the test ends. */
export async function watchReads(): Promise<FileReads> {
  const handle = await open(import.meta.filename);
  const prototype: unknown = Object.getPrototypeOf(handle);
  await handle.close();
  // Its type says nothing of a prototype.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const reads = vi.spyOn(prototype as { read: Read }, 'read');
  onTestFinished(() => reads.mockRestore());
  return {
    lengths: () => reads.mock.calls.map(([, , length]) => length),
    bytes: () =>
      reads.mock.settledResults.reduce(
        (sum, { type, value }) => sum + (type === 'fulfilled' ? value.bytesRead : 0),
        0,
      ),
    failOnce: (code) => reads.mockRejectedValueOnce(Object.assign(new Error(code), { code })),
    clear: () => reads.mockClear(),
  };
}
