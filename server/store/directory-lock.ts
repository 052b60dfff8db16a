import { open, type FileHandle } from 'node:fs/promises';
import { tryLock } from 'fs-native-extensions';

/** The right to write to a directory, held until it is released or the process dies. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/** The directory belongs to another process. */
export class DirectoryInUseError extends Error {
  constructor(directory: string) {
    super(`${directory} is in use by another waybill process`);
    this.name = 'DirectoryInUseError';
  }
}

/**
 * Takes the one lock on a directory, by a record lock of the kernel on a file in it.
 *
 * The kernel releases it when its owner dies, however it dies, and it holds between containers that
 * share the directory, which a process id in a file does not.
 *
 * @throws DirectoryInUseError if another process holds it.
 */
export async function lockDirectory(directory: string, lockFile: string): Promise<DirectoryLock> {
  const file: FileHandle = await open(lockFile, 'a', 0o600);
  try {
    if (!tryLock(file.fd)) throw new DirectoryInUseError(directory);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { release: () => file.close() };
}
