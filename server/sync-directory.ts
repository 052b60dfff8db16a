import { mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from './errors.ts';

/** Makes the names in a directory durable: a new file may otherwise be gone after a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder that only its owner can read, with what is missing above it, and makes their names durable. */
export async function makeFolder(folder: string): Promise<void> {
  const absolute = path.resolve(folder);
  const first = await makeMissing(absolute);
  const top = path.dirname(first ?? absolute);
  for (let at = absolute; ; at = path.dirname(at)) {
    await syncDirectory(at);
    if (at === top) return;
  }
}

/**
 * Makes a folder and what is missing above it: what Node's own `recursive` does, but that says ENOENT on a full disk.
 *
 * @returns The uppermost folder that was made; undefined if there was nothing to make.
 */
async function makeMissing(folder: string): Promise<string | undefined> {
  if (await isFolder(folder)) return undefined;
  const above = await makeMissing(path.dirname(folder));
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (systemCode(error) !== 'EEXIST' || !(await isFolder(folder))) throw error;
  }
  return above ?? folder;
}

async function isFolder(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
