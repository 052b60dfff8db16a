import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadAssets } from '../../../server/assets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

describe('the browser files', () => {
  it('have no second name if they are not what the build listed', async () => {
    const folder = await tempFolder();
    // The digest of no bytes at all.
    const integrity = 'sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb';
    const listed = ['good', 'bad', 'gone'].map((name) => ({
      file: `${name}.js`,
      hashed: `${name}.1.js`,
      integrity,
    }));
    await writeFile(path.join(folder, 'good.js'), '');
    await writeFile(path.join(folder, 'bad.js'), 'another build');
    await writeFile(path.join(folder, 'integrity.json'), JSON.stringify(listed));

    expect([...(await loadAssets(folder)).keys()].toSorted()).toEqual(['/bad.js', '/good.1.js', '/good.js']);
  });

  it('are none where there was no build', async () => {
    expect((await loadAssets(path.join(await tempFolder(), 'none'))).size).toBe(0);
  });
});
