import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

interface Rule {
  /** The folder that the rule is for; the longest that matches a file counts. */
  readonly folder: string;
  /** Beginnings of the project's own paths that it may import; it may always import itself. */
  readonly paths: readonly string[];
  /** Packages that it may import; `node:` stands for all of Node's own. */
  readonly packages: readonly string[];
}

const SERVER_BASICS = [
  'shared/',
  'server/disk-errors.ts',
  'server/errors.ts',
  'server/expiry.ts',
  'server/parse-json.ts',
  'server/refused-text.ts',
  'server/sync-directory.ts',
  'server/words.ts',
  'server/write-at.ts',
];
const STORE = ['server/store/event-store.ts', 'server/store/open-store.ts', 'server/store/open-snapshot.ts'];

const RULES: readonly Rule[] = [
  { folder: 'shared/', paths: [], packages: [] },
  { folder: 'client/queue/', paths: ['shared/'], packages: ['idb'] },
  { folder: 'client/delivery/', paths: ['shared/', 'client/queue/'], packages: [] },
  {
    folder: 'client/page/',
    paths: ['shared/', 'client/queue/', 'client/delivery/'],
    packages: ['workbox-window', 'comlink'],
  },
  {
    folder: 'client/worker/',
    paths: ['shared/', 'client/queue/', 'client/delivery/'],
    packages: ['comlink'],
  },
  { folder: 'client/extras/', paths: ['shared/', 'client/page/api.ts'], packages: [] },
  { folder: 'client/console/', paths: ['shared/', 'client/page/'], packages: [] },
  { folder: 'server/store/', paths: SERVER_BASICS, packages: ['node:', 'fs-native-extensions'] },
  { folder: 'server/catalog/', paths: SERVER_BASICS, packages: ['node:'] },
  {
    folder: 'server/ingest/',
    paths: [...SERVER_BASICS, 'server/store/event-store.ts', 'server/catalog/'],
    packages: ['node:buffer', 'node:crypto'],
  },
  {
    folder: 'server/reports/',
    paths: [...SERVER_BASICS, ...STORE, 'server/catalog/', 'server/metadata-file.ts'],
    packages: ['node:', 'pino'],
  },
  {
    folder: 'server/users/',
    paths: [...SERVER_BASICS, 'server/metadata-file.ts'],
    packages: ['node:crypto'],
  },
  { folder: 'server/admin/', paths: [...SERVER_BASICS, 'server/users/'], packages: ['node:'] },
  {
    folder: 'server/http/',
    paths: [
      ...SERVER_BASICS,
      'server/assets.ts',
      'server/catalog/',
      'server/ingest/',
      'server/reports/',
      'server/users/',
    ],
    packages: ['koa', '@koa/router', '@koa/cors', 'koa-body', 'pino', 'node:http', 'node:util', 'node:zlib'],
  },
  {
    folder: 'server/cli/',
    paths: [
      ...SERVER_BASICS,
      'server/admin/',
      'server/users/',
      ...STORE,
      'server/store/directory-lock.ts',
      'server/catalog/',
      'server/reports/',
      'server/eraser.ts',
      'server/reporter.ts',
      'server/config.ts',
      'server/data-paths.ts',
      'server/logger.ts',
    ],
    packages: ['node:', 'pino'],
  },
  {
    folder: 'server/',
    paths: ['shared/', 'package.json'],
    packages: ['node:', 'koa', '@koa/router', 'lowdb', 'pino'],
  },
];

const SPECIFIER = /\bfrom\s+'([^']+)'|\bimport\s*\(?\s*'([^']+)'/g;

/** Fails on every import that the table above does not allow, type-only ones included. */
async function main(): Promise<void> {
  const problems: string[] = [];
  let files = 0;
  for (const folder of ['shared', 'client', 'server']) {
    for (const entry of await readdir(folder, { recursive: true })) {
      const file = path.posix.join(folder, entry.replaceAll(path.sep, '/'));
      if (!file.endsWith('.ts')) continue;
      files++;
      problems.push(...(await forbiddenImports(file)));
    }
  }
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stdout.write(`imports: ${files} files, ${problems.length} forbidden\n`);
  if (problems.length > 0 || files === 0) process.exitCode = 1;
}

async function forbiddenImports(file: string): Promise<readonly string[]> {
  const rule = RULES.filter(({ folder }) => file.startsWith(folder)).toSorted(
    (a, b) => b.folder.length - a.folder.length,
  )[0];
  if (rule === undefined) return [`${file} is in a folder without a rule`];
  const source = await readFile(file, 'utf8');
  return [...source.matchAll(SPECIFIER)]
    .map(([, from, imported = '']) => from ?? imported)
    .filter((specifier) => !isAllowed(rule, file, specifier))
    .map((specifier) => `${file} may not import ${specifier}`);
}

function isAllowed({ folder, paths, packages }: Rule, file: string, specifier: string): boolean {
  if (!specifier.startsWith('.')) {
    return packages.some((name) => specifier === name || (name === 'node:' && specifier.startsWith(name)));
  }
  const target = path.posix.join(path.posix.dirname(file), specifier);
  return [folder, ...paths].some((allowed) => target.startsWith(allowed));
}

await main();
