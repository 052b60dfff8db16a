import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ASSETS } from '../shared/routes.ts';
import { systemCode } from './errors.ts';

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The built browser files, by their paths; read once, since they are few and small. */
export type Assets = ReadonlyMap<string, Asset>;

/** @param folder - Where the build put them; a missing folder has none. */
export async function loadAssets(folder: string): Promise<Assets> {
  const assets = new Map<string, Asset>();
  for (const name of await fileNames(folder)) {
    const type = TYPES[path.extname(name)];
    if (type === undefined) continue;
    const bytes = await readFile(path.join(folder, name));
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    assets.set(name === 'index.html' ? ASSETS.demo : `/${name}`, { type, bytes, etag });
  }
  return assets;
}

async function fileNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
