import { build as buildWithEsbuild } from 'esbuild';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished, afterAll } from 'vitest';
import { build as buildWithVite } from 'vite';
import { openChromium } from '../../scripts/open-chromium.ts';
import { RecordingCollector } from '../support/client-collector.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const run = promisify(execFile);

/** A site's code, which uses every part of the package's types once. */
const APP = `
import { createCollector, type Collector, type DeliveredOutcome, type Status } from 'waybill';
import { explain, type PageView, trackElements, trackPageViews } from 'waybill/extras';

const waybill: Collector = createCollector({
  customer: 'C',
  product: 'P',
  endpoint: '/events',
  worker: new URLSearchParams(location.search).has('worker') ? '/waybill-sw.js' : undefined,
});
waybill.on('status', ({ events, worker }: Status) => console.log(events, worker));
const delivered: Promise<DeliveredOutcome> = waybill.track('T', ['bundled', null], { version: null }).delivered;
void delivered.then((outcome) => {
  document.title = outcome.status === 'delivered' ? \`\${outcome.status} \${outcome.sequence}\` : outcome.status;
});
export const extras = (): readonly (() => void)[] => [
  trackElements(waybill),
  trackPageViews(waybill, 'V', { context: ({ path, title }: PageView) => ({ path, title }) }),
  explain(waybill),
];
// @ts-expect-error -- a product is missing
export const wrong = (): Collector => createCollector({ customer: 'C' });
`;

const STRICT = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2022', 'dom', 'dom.iterable'],
    types: [],
    noEmit: true,
  },
  files: ['app.ts'],
};

describe('a site that bundles the package', () => {
  let project: string;
  let folder: Awaited<ReturnType<typeof makeTempFolder>>;

  beforeAll(async () => {
    folder = await makeTempFolder();
    project = folder.path;
    const installed = join(project, 'node_modules/waybill');
    await mkdir(installed, { recursive: true });
    const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', project];
    const { stdout } = await run('npm', pack);
    await run('tar', ['-xzf', join(project, stdout.trim()), '-C', installed, '--strip-components=1']);
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    await writeFile(join(project, 'app.ts'), APP);
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(STRICT));
  });

  afterAll(() => folder.remove());

  it('is checked against its types, as strictly as can be', async () => {
    await run(resolve('node_modules/.bin/tsc'), ['-p', project]);
  });

  it('may be rendered on a server, which loads the module and does nothing with it', async () => {
    const script = `for (const name of ['waybill', 'waybill/extras'])
      console.log(Object.keys(await import(name)).join())`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
    expect(stdout).toBe('createCollector\nexplain,trackElements,trackPageViews\n');
  });

  const entry = (): string => join(project, 'app.ts');
  it.each<[string, string, (outDir: string) => Promise<unknown>]>([
    [
      'esbuild, in parts',
      '?worker',
      (outdir) =>
        buildWithEsbuild({ entryPoints: [entry()], outdir, bundle: true, splitting: true, format: 'esm' }),
    ],
    [
      'esbuild, in one classic script',
      '',
      (outdir) =>
        buildWithEsbuild({ entryPoints: [entry()], outdir, bundle: true, format: 'iife', logLevel: 'error' }),
    ],
    [
      'Vite',
      '?worker',
      (outDir) =>
        buildWithVite({
          root: project,
          logLevel: 'error',
          build: {
            outDir,
            rollupOptions: { input: entry(), output: { entryFileNames: 'app.js' } },
          },
        }),
    ],
  ])('delivers when it was made with %s', async (_title, query, bundle) => {
    const out = await makeTempFolder();
    onTestFinished(() => out.remove());
    await bundle(out.path);
    await copyFile(
      join(project, 'node_modules/waybill/dist/client/waybill-sw.js'),
      join(out.path, 'waybill-sw.js'),
    );
    const site = new RecordingCollector(out.path);
    await site.start();
    onTestFinished(() => site.stop());
    const { context, close } = await openChromium();
    onTestFinished(close);

    const page = await context.newPage();
    await page.goto(site.origin + query);
    await page.addScriptTag({ url: '/app.js', type: query === '' ? 'text/javascript' : 'module' });
    await expect.poll(() => page.title(), { timeout: 30_000 }).toBe('delivered 0');

    expect(site.stored()).toEqual(['bundled']);
  });
});
