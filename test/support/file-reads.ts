import fs from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
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

/** Watches the reads of all open files until the test ends, of file handles and of those that do not wait. */
export async function watchReads(): Promise<FileReads> {
  const handle = await open(import.meta.filename);
  const prototype: unknown = Object.getPrototypeOf(handle);
  await handle.close();
  // Its type says nothing of a prototype.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const target = prototype as { read: Read };
  const { read } = target;
  const { readSync } = fs;
  let lengths: number[] = [];
  let bytes = 0;
  let failing: { isBad: (offset: number) => boolean; code: string } | undefined;
  let failsOnce: string | undefined;
  const begin = (length: number, position: number): void => {
    lengths.push(length);
    const code = failsOnce ?? (failing?.isBad(position) === true ? failing.code : undefined);
    failsOnce = undefined;
    if (code !== undefined) throw Object.assign(new Error(code), { code });
  };
  const spies = [
    vi.spyOn(target, 'read').mockImplementation(async function (this: unknown, ...call) {
      begin(call[2], call[3]);
      const result = await read.apply(this, call);
      bytes += result.bytesRead;
      return result;
    }),
    vi.spyOn(fs, 'readSync').mockImplementation((...call: readonly unknown[]) => {
      begin(Number(call[3]), Number(call[4]));
      // Its overloads can not be told apart here, and need not be.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const bytesRead = readSync(...(call as unknown as Parameters<typeof readSync>));
      bytes += bytesRead;
      return bytesRead;
    }),
  ];
  // Whoever has imported the function by its name gets the watched one.
  syncBuiltinESMExports();
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
    syncBuiltinESMExports();
  });
  return {
    lengths: () => lengths,
    bytes: () => bytes,
    failOnce: (code) => (failsOnce = code),
    failWhere: (isBad, code) => (failing = { isBad, code }),
    clear: () => {
      lengths = [];
      bytes = 0;
    },
  };
}
