import { build } from 'esbuild';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { buildKernel } from './build-kernel.ts';

/** Bundles the server's entries into `outDir`, with what they load; packages stay where npm put them. */
export async function buildServer(outDir: string): Promise<void> {
  await build({
    entryPoints: [
      'server/main.ts',
      'server/cli.ts',
      'server/reports/report-child.ts',
      'server/reports/output/digest-thread.ts',
      'server/store/segments/rows/log-thread.ts',
      'server/store/segments/compaction/compaction-child.ts',
    ],
    entryNames: '[name]',
    outdir: outDir,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    sourcemap: true,
    logLevel: 'warning',
  });
  await buildKernel(outDir);
  await chmod(path.join(outDir, 'cli.js'), 0o755);
}
