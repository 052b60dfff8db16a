import { build, type BuildOptions } from 'esbuild';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { buildKernel } from './build-kernel.ts';

const OPTIONS: BuildOptions = {
  entryNames: '[name]',
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
};

/** Bundles the server's entries into `outDir`, with what they load; packages stay where npm put them. */
export async function buildServer(outDir: string): Promise<void> {
  await Promise.all([
    build({
      ...OPTIONS,
      entryPoints: [
        'server/main.ts',
        'server/cli.ts',
        'server/store/segments/compaction/compaction-child.ts',
      ],
      outdir: outDir,
    }),
    // Each report starts them: what is shorter is read and compiled sooner.
    build({
      ...OPTIONS,
      minify: true,
      entryPoints: [
        'server/reports/report-child.ts',
        'server/reports/output/digest-thread.ts',
        'server/store/segments/rows/log-thread.ts',
      ],
      outdir: outDir,
    }),
    buildKernel(outDir),
  ]);
  await chmod(path.join(outDir, 'cli.js'), 0o755);
}
