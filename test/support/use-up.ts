import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';

const PIECE_BYTES = 65_536;

/** How long a file system may take to give back what a process had that has ended. */
const SETTLE_MS = 500;

/** Makes empty files until there can be no more, also a while later; returns their paths. */
export async function useUpFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (let held = -1; held < files.length;) {
    held = files.length;
    await addFiles(folder, files);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
  return files;
}

/** Makes empty files until there can be no more. */
async function addFiles(folder: string, files: string[]): Promise<void> {
  for (let number = files.length; ; number++) {
    const file = path.join(folder, `file-${number}`);
    try {
      await writeFile(file, '', { flag: 'wx' });
      files.push(file);
    } catch (error) {
      if (isCoded(error, 'ENOSPC')) return;
      if (!isCoded(error, 'EEXIST')) throw error;
    }
  }
}

/** Makes a file that takes all the space there is; returns its path. */
export async function useUpBytes(folder: string): Promise<string[]> {
  const name = path.join(folder, 'filling');
  const file = await open(name, 'wx');
  try {
    for (let bytes = PIECE_BYTES; bytes >= 1;) {
      try {
        await file.appendFile(Buffer.alloc(bytes));
      } catch (error) {
        if (!isCoded(error, 'ENOSPC')) throw error;
        bytes = Math.floor(bytes / 2);
      }
    }
  } finally {
    await file.close();
  }
  return [name];
}

function isCoded(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
