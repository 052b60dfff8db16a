import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MetadataFile } from '../../../server/metadata-file.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** How many flushes of a folder fail from now on. */
const disk = vi.hoisted(() => ({ failures: 0 }));

vi.mock(import('../../../server/sync-directory.ts'), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    syncDirectory: async (directory) => {
      if (disk.failures-- > 0) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
      await original.syncDirectory(directory);
    },
  };
});

afterEach(() => {
  disk.failures = 0;
});

async function openNumbers(): Promise<{ file: string; numbers: MetadataFile<readonly number[]> }> {
  const file = path.join(await tempFolder(), 'numbers.json');
  const numbers = await MetadataFile.open<readonly number[]>(file, [], (value) => {
    if (!Array.isArray(value)) throw new Error('it must be an array');
    return value.map(Number);
  });
  await numbers.change(() => [1]);
  return { file, numbers };
}

async function contents(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, 'utf8'));
}

describe('a change of metadata that fails behind its rename', () => {
  it('is taken back, so that no start takes it for done', async () => {
    const { file, numbers } = await openNumbers();
    disk.failures = 1;

    await expect(numbers.change(() => [2])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });

    expect(numbers.data).toEqual([1]);
    expect(await contents(file)).toEqual([1]);
  });

  it('and that can not be taken back, is by the next one, also if that fails', async () => {
    const { file, numbers } = await openNumbers();
    disk.failures = 2;
    await expect(numbers.change(() => [2])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(numbers.data).toEqual([1]);
    disk.failures = 1;

    await expect(numbers.change((before) => [...before, 3])).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });

    expect(await contents(file)).toEqual([1]);
    await numbers.change((before) => [...before, 4]);
    expect(await contents(file)).toEqual([1, 4]);
  });
});
