import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { MetadataFile } from '../../../server/metadata-file.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const parse = (value: unknown): readonly number[] => {
  if (!Array.isArray(value)) throw new Error('it must be an array');
  return value.map(Number);
};

describe('MetadataFile', () => {
  it('keeps a thousand changes made at once, and is there after a restart', async () => {
    const file = path.join(await tempFolder(), 'numbers.json');
    const numbers = await MetadataFile.open<readonly number[]>(file, [], parse);

    await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => numbers.change((before) => [...before, index])),
    );

    const reopened = await MetadataFile.open<readonly number[]>(file, [], parse);
    expect(reopened.data).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('keeps the old data when a change fails', async () => {
    const file = path.join(await tempFolder(), 'numbers.json');
    const numbers = await MetadataFile.open<readonly number[]>(file, [], parse);
    await numbers.change(() => [1]);

    await expect(
      numbers.change(() => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await numbers.change((before) => [...before, 2]);

    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual([1, 2]);
  });

  it('shows a change when it is durable, and refuses one that can not be', async () => {
    const folder = await tempFolder();
    const numbers = await MetadataFile.open<readonly number[]>(path.join(folder, 'numbers.json'), [], parse);
    const changed = numbers.change(() => [1]);
    await Promise.resolve();
    expect(numbers.data).toEqual([]);
    await changed;
    expect(numbers.data).toEqual([1]);
    // The new contents would be written here.
    await mkdir(path.join(folder, 'numbers.json.tmp'));

    await expect(numbers.change(() => [2])).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryAfterSeconds: 5,
    });

    expect(numbers.data).toEqual([1]);
  });

  it('leaves nothing behind of a change that could not be written', async () => {
    const folder = await tempFolder();
    const file = path.join(folder, 'numbers.json');
    const numbers = await MetadataFile.open<readonly number[]>(file, [], parse);
    // No file can take this name.
    await mkdir(file);

    await expect(numbers.change(() => [1])).rejects.toThrow();

    expect(await readdir(folder)).toEqual(['numbers.json']);
    expect(numbers.data).toEqual([]);
  });

  it('names the file that holds something else', async () => {
    const file = path.join(await tempFolder(), 'numbers.json');
    await writeFile(file, '{"half":');
    await expect(MetadataFile.open<readonly number[]>(file, [], parse)).rejects.toThrow(file);
  });
});
