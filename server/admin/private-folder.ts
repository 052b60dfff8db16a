import { lstat, mkdir } from 'node:fs/promises';
import { systemCode } from '../errors.ts';

/**
 * Sees to it that a folder outside the data belongs to this user alone, making it if need be: passwords go
 * through the socket in it, and a folder of a known name may have been made by somebody else.
 *
 * @throws Error in words for the operator if it is not private.
 */
export async function ensurePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const stats = await lstat(folder);
  const isOwn = process.getuid === undefined || stats.uid === process.getuid();
  if (!stats.isDirectory() || !isOwn || (stats.mode & 0o022) !== 0) {
    throw new Error(`${folder} must be a folder of this user that nobody else can write to`);
  }
}
