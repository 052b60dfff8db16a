import { build, type BuildOptions, type Plugin } from 'esbuild';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { minify } from 'terser';
import { INTEGRITY_FILE, type HashedFile } from '../server/assets.ts';

const CLIENT = fileURLToPath(new URL('../client', import.meta.url));
const DIST = fileURLToPath(new URL('../dist/client', import.meta.url));

interface Bundle {
  /** The file that is served. */
  readonly file: string;
  readonly entry: string;
  /** A classic script or an ES module. */
  readonly format: 'iife' | 'esm';
  /** Also served under a name with its hash: what pages of any site load, but never a worker. */
  readonly isHashed?: boolean;
}

const BUNDLES: readonly Bundle[] = [
  { file: 'waybill.js', entry: 'page/index.ts', format: 'iife', isHashed: true },
  { file: 'waybill.mjs', entry: 'page/module.ts', format: 'esm', isHashed: true },
  // Loaded by the page when they are first needed, by `import()`: modules, also for the classic script.
  { file: 'waybill-link.js', entry: 'page/chunk-link.ts', format: 'esm', isHashed: true },
  { file: 'waybill-flush.js', entry: 'page/chunk-flush.ts', format: 'esm', isHashed: true },
  { file: 'waybill-rare.js', entry: 'page/chunk-rare.ts', format: 'esm', isHashed: true },
  { file: 'waybill-extras.js', entry: 'extras/index.ts', format: 'iife', isHashed: true },
  { file: 'waybill-extras.mjs', entry: 'extras/module.ts', format: 'esm', isHashed: true },
  { file: 'waybill-sw.js', entry: 'worker/index.ts', format: 'iife' },
  { file: 'waybill-sw-off.js', entry: 'worker/off.ts', format: 'iife' },
  { file: 'demo.js', entry: 'console/demo.ts', format: 'iife' },
];

const STATIC_FILES = ['index.html', 'demo.css', 'icon.svg'];

/** Hexadecimal digits of a file's hash in its name. */
const HASH_LENGTH = 16;

/** A bundle that another one imports is not taken into it but loaded from the file beside it. */
const OTHER_BUNDLES: Plugin = {
  name: 'other-bundles',
  setup(resolver) {
    resolver.onResolve({ filter: /^\.\/[\w-]+\.ts$/ }, ({ kind, path }) => {
      const bundle = BUNDLES.find(
        ({ entry }) => kind === 'dynamic-import' && entry === `page/${path.slice(2)}`,
      );
      return bundle && { path: `./${bundle.file}`, external: true };
    });
  },
};

const SHARED_OPTIONS = {
  bundle: true,
  write: false,
  minifySyntax: true,
  // Nothing newer makes the bundles smaller.
  target: 'es2020',
  // Its published bundle is written for browsers without classes, and a fifth larger.
  alias: { 'workbox-window': 'workbox-window/index.mjs' },
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [OTHER_BUNDLES],
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/**
 * Builds everything that browsers load into `outDir`: each bundle alone in its file, and `integrity.json`,
 * which names those that are also served under a name with their hash.
 */
export async function buildClient(outDir: string): Promise<readonly HashedFile[]> {
  await mkdir(outDir, { recursive: true });
  const [built] = await Promise.all([
    Promise.all(BUNDLES.map((bundle) => buildBundle(bundle, outDir))),
    ...STATIC_FILES.map((file) => copyFile(join(CLIENT, 'console', file), join(outDir, file))),
  ]);
  const hashed = built.filter((file) => file !== undefined);
  await writeFile(join(outDir, INTEGRITY_FILE), `${JSON.stringify(hashed, undefined, 2)}\n`);
  return hashed;
}

async function buildBundle(
  { file, entry, format, isHashed }: Bundle,
  outDir: string,
): Promise<HashedFile | undefined> {
  const options = { ...SHARED_OPTIONS, entryPoints: [join(CLIENT, entry)], format };
  const bundled = (await build(options)).outputFiles.map(({ text }) => text).join('');
  // What it finds to shorten beyond esbuild is about a twentieth.
  const { code = '' } = await minify(bundled, {
    module: format === 'esm',
    toplevel: true,
    ecma: 2020,
    compress: {
      passes: 3,
      // By this, idb adds iterators and shortcuts to its proxies that nobody here uses: a third of it.
      pure_funcs: ['replaceTraps'],
    },
    format: { comments: false },
  });
  await writeFile(join(outDir, file), code);
  if (isHashed !== true) return undefined;
  const digest = createHash('sha384').update(code).digest();
  const extension = extname(file);
  const hash = digest.toString('hex').slice(0, HASH_LENGTH);
  return {
    file,
    hashed: `${file.slice(0, -extension.length)}.${hash}${extension}`,
    integrity: `sha384-${digest.toString('base64')}`,
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildClient(DIST);
