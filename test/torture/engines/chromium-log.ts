import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = 'Default/IndexedDB';

/** Of the last two times that it was opened. */
const LOGS = ['LOG.old', 'LOG'];

/** A log is a row of blocks of this size, in bytes; see doc/log_format.md of LevelDB. */
const BLOCK_BYTES = 32_768;

/** Of a record's head: checksum, length, kind. */
const HEAD_BYTES = 7;

/** The kind of a record that lies in one piece. */
const FULL = 1;

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
  for (const path of await findLogs(profile)) {
    const bytes = await readFile(path);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    await writeFile(path, bytes);
  }
}

/** Adds the first half of a record: what a kill leaves of a write that it has interrupted. */
export async function tearDatabases(profile: string): Promise<void> {
  const paths = await findLogs(profile);
  if (paths.length === 0) throw new Error('there is no database with a log');
  for (const path of paths) {
    const { size } = await stat(path);
    const length = Math.min(1_000, BLOCK_BYTES - (size % BLOCK_BYTES) - HEAD_BYTES);
    if (length < 2) throw new Error(`no room for a record at the end of ${path}`);
    const torn = Buffer.alloc(HEAD_BYTES + (length >> 1));
    torn.writeUInt16LE(length, 4);
    torn.writeUInt8(FULL, 6);
    await appendFile(path, torn);
  }
}

async function findLogs(profile: string): Promise<readonly string[]> {
  const folders = await findDatabases(profile);
  const found = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))),
  );
  return found.flat().filter((path) => path.endsWith('.log'));
}

async function findDatabases(profile: string): Promise<readonly string[]> {
  const names = await readdir(join(profile, FOLDER)).catch(() => []);
  return names.filter((name) => name.endsWith('.leveldb')).map((name) => join(profile, FOLDER, name));
}
