import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readNewDatabases } from '../../torture/engines/chromium-log.ts';

let profile: string;
beforeEach(async () => {
  profile = await mkdtemp(join(tmpdir(), 'waybill-log-'));
});
afterEach(() => rm(profile, { recursive: true }));

it('finds when a database was made because there was none', async () => {
  expect(await readNewDatabases(profile)).toEqual([]);
  const folder = join(profile, 'Default/IndexedDB/http_localhost_1.indexeddb.leveldb');
  await mkdir(folder, { recursive: true });
  const made = '2026/01/01-00:00:00.000001 1 Creating DB /somewhere since it was missing.';
  await writeFile(join(folder, 'LOG.old'), `${made}\nReusing MANIFEST\n`);
  await writeFile(join(folder, 'LOG'), 'Recovering log #3\n');
  expect(await readNewDatabases(profile)).toEqual([made]);
});
