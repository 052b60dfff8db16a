import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';

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
  const first = await mkdir(absolute, { recursive: true, mode: 0o700 });
  const top = path.dirname(first ?? absolute);
  for (let at = absolute; ; at = path.dirname(at)) {
    await syncDirectory(at);
    if (at === top) return;
  }
}
