import fs from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { OpenFiles } from '../../../../server/store/segments/rows/open-files.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const MIB = 1_048_576;
const BUFFER = Buffer.alloc(MIB);

/** Reads a mebibyte of a file so many times; returns how often others had their turn meanwhile. */
async function turnsOf(reads: number): Promise<number> {
  const file = path.join(await tempFolder(), 'file');
  await writeFile(file, BUFFER);
  const files = new OpenFiles(1);
  expect(await files.read(file, BUFFER, 1, 0)).toBe(1);
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  for (let number = 0; number < reads; number++) await files.read(file, BUFFER, MIB, 0);
  isOver = true;
  await files.close();
  return turns;
}

/** Lets each read take a while, during which nothing else happens. */
function slowReads(ms: number): void {
  const { readSync } = fs;
  const spy = vi.spyOn(fs, 'readSync').mockImplementation((...call: readonly unknown[]) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    // Its overloads can not be told apart here, and need not be.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return readSync(...(call as unknown as Parameters<typeof readSync>));
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    spy.mockRestore();
    syncBuiltinESMExports();
  });
}

describe('files that are read at many places', () => {
  it('let others have their turn every few bytes', async () => {
    expect(await turnsOf(20)).toBeGreaterThanOrEqual(4);
  });

  it('let others have their turn after every read of a disk that is slow', async () => {
    slowReads(60);

    expect(await turnsOf(3)).toBeGreaterThanOrEqual(3);
  });
});
