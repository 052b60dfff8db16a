import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ASSETS } from '../shared/routes.ts';
import { isRecord } from '../shared/text.ts';
import { systemCode } from './errors.ts';

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  /** As in the attribute `integrity`. */
  readonly integrity: string;
  /** Whether it is served under a name with its hash, which never means anything else. */
  readonly isHashed: boolean;
}

/** An item of `integrity.json`: a file that may be loaded under a name with its hash. */
export interface HashedFile {
  /** Its plain name, such as `waybill.js`. */
  readonly file: string;
  /** Such as `waybill.0123456789abcdef.js`. */
  readonly hashed: string;
  readonly integrity: string;
}

/** Where the build lists them, beside the files. */
export const INTEGRITY_FILE = 'integrity.json';

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

/**
 * @param folder - Where the build put them; a missing folder has none. Those that the build lists are served
 *   under a second name as well.
 */
export async function loadAssets(folder: string): Promise<Assets> {
  const assets = new Map<string, Asset>();
  for (const name of await fileNames(folder)) {
    const type = TYPES[path.extname(name)];
    if (type === undefined) continue;
    const bytes = await readFile(path.join(folder, name));
    const integrity = `sha384-${createHash('sha384').update(bytes).digest('base64')}`;
    const asset = { type, bytes, integrity, isHashed: false };
    assets.set(name === 'index.html' ? ASSETS.demo : `/${name}`, asset);
  }
  for (const { file, hashed, integrity } of await listHashedFiles(folder)) {
    const asset = assets.get(`/${file}`);
    // Other bytes, of a build that was not finished, must not be cached for ever under this name.
    if (asset !== undefined && asset.integrity === integrity)
      assets.set(`/${hashed}`, { ...asset, isHashed: true });
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

/** What the build says about the files in `folder`; nothing where there was no build. */
export async function listHashedFiles(folder: string): Promise<readonly HashedFile[]> {
  try {
    const listed: unknown = JSON.parse(await readFile(path.join(folder, INTEGRITY_FILE), 'utf8'));
    return Array.isArray(listed) ? listed.filter(isHashedFile) : [];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function isHashedFile(value: unknown): value is HashedFile {
  return isRecord(value) && ['file', 'hashed', 'integrity'].every((key) => typeof value[key] === 'string');
}
