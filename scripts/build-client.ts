import { build, type BuildOptions } from 'esbuild';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const CLIENT = fileURLToPath(new URL('../client', import.meta.url));
const DIST = fileURLToPath(new URL('../dist/client', import.meta.url));

/** Each bundle: the file that is served, its entry, and whether it is a classic script or an ES module. */
const BUNDLES = [
  { file: 'waybill.js', entry: 'page/index.ts', format: 'iife' },
  { file: 'waybill.mjs', entry: 'page/module.ts', format: 'esm' },
  // Loaded by the page when they are first needed, by `import()`: modules, also for the classic script.
  { file: 'waybill-link.js', entry: 'page/chunk-link.ts', format: 'esm' },
  { file: 'waybill-flush.js', entry: 'page/chunk-flush.ts', format: 'esm' },
  { file: 'waybill-rare.js', entry: 'page/chunk-rare.ts', format: 'esm' },
  { file: 'waybill-sw.js', entry: 'worker/index.ts', format: 'iife' },
  { file: 'demo.js', entry: 'console/demo.ts', format: 'iife' },
] as const;

const STATIC_FILES = ['index.html', 'demo.css', 'icon.svg'];

const SHARED_OPTIONS = {
  bundle: true,
  minify: true,
  // Nothing newer makes the bundles smaller.
  target: 'es2020',
  // Its published bundle is written for browsers without classes, and a fifth larger.
  alias: { 'workbox-window': 'workbox-window/index.mjs' },
  define: { 'process.env.NODE_ENV': '"production"' },
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/** Builds everything that browsers load into `outDir`. Each bundle stands alone: one request loads it. */
export async function buildClient(outDir: string): Promise<void> {
  await mkdir(outDir, { recursive: true });
  await Promise.all([
    ...BUNDLES.map(({ file, entry, format }) =>
      build({ ...SHARED_OPTIONS, entryPoints: [join(CLIENT, entry)], outfile: join(outDir, file), format }),
    ),
    ...STATIC_FILES.map((file) => copyFile(join(CLIENT, 'console', file), join(outDir, file))),
  ]);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildClient(DIST);
