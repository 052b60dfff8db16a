import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = 'Default/IndexedDB';

/** Of the last two times that it was opened. */
const LOGS = ['LOG.old', 'LOG'];

/**
 * What LevelDB has noted where it found no database of an origin and made one.
 *
 * Besides at the first time, that is where it is gone: Chromium removes one that it finds damaged.
 */
export async function readNewDatabases(profile: string): Promise<readonly string[]> {
  const files = (await findDatabases(profile)).flatMap((folder) => LOGS.map((name) => join(folder, name)));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.flatMap((text) => text.split('\n')).filter((line) => line.includes('since it was missing'));
}

/** Changes a byte in the middle of what was written last. */
export async function damageDatabases(profile: string): Promise<void> {
  for (const folder of await findDatabases(profile)) {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.log'));
    for (const name of names) {
      const bytes = await readFile(join(folder, name));
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      await writeFile(join(folder, name), bytes);
    }
  }
}

async function findDatabases(profile: string): Promise<readonly string[]> {
  const names = await readdir(join(profile, FOLDER)).catch(() => []);
  return names.filter((name) => name.endsWith('.leveldb')).map((name) => join(profile, FOLDER, name));
}
