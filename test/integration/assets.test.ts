import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listHashedFiles } from '../../server/assets.ts';
import { launchServer, type ServerProcess } from '../support/server-process.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

let server: ServerProcess;
let folder: Awaited<ReturnType<typeof makeTempFolder>>;

beforeAll(async () => {
  folder = await makeTempFolder();
  // Who may send events says nothing about who may load the files.
  const env = { WAYBILL_ORIGINS: 'https://a.example' };
  server = await launchServer({ dataFolder: folder.path, env });
});

afterAll(async () => {
  await server.stop('SIGKILL');
  await folder.remove();
});

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(server.url + path, { headers: { origin: 'https://shop.example', ...headers } });

const PARTS = [
  '/waybill-link.js',
  '/waybill-flush.js',
  '/waybill-rare.js',
  '/waybill-extras.js',
  '/waybill-extras.mjs',
];

describe('the browser files', () => {
  it.each(['/', '/waybill.js', '/waybill.mjs', '/waybill-sw.js', '/waybill-sw-off.js', ...PARTS])(
    'are asked for again at each use under the plain name %s, by pages of any origin',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-cache');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
      const etag = response.headers.get('etag') ?? '';
      // Node's `fetch` adds a `Cache-Control` of its own that would ask for the whole file.
      const again = await get(path, { 'if-none-match': etag, 'cache-control': 'max-age=0' });
      expect(again.status).toBe(304);
      expect(again.headers.get('access-control-allow-origin')).toBe('*');
    },
  );

  it('are kept for ever under names with their hash, and have the integrity that the build printed', async () => {
    const files = await listHashedFiles('dist/client');
    expect(files.map(({ file }) => `/${file}`)).toEqual(['/waybill.js', '/waybill.mjs', ...PARTS]);
    for (const { file, hashed, integrity } of files) {
      expect(hashed).toMatch(/^waybill(-\w+)?\.[0-9a-f]{16}\.m?js$/);
      const response = await get(`/${hashed}`);
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('content-type')).toContain('text/javascript');
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(`sha384-${createHash('sha384').update(bytes).digest('base64')}`).toBe(integrity);
      expect(bytes.equals(await readFile(`dist/client/${file}`))).toBe(true);
    }
  });

  it.each(['/waybill.0000000000000000.js', '/integrity.json', '/types'])(
    'do not include %s',
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );
});
