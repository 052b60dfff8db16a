import { build } from 'esbuild';
import { chmod } from 'node:fs/promises';
import path from 'node:path';

/** Bundles the server's entries into `outDir`; packages stay where npm put them. */
export async function buildServer(outDir: string): Promise<void> {
  await build({
    entryPoints: [
      'server/main.ts',
      'server/cli.ts',
      'server/reports/report-child.ts',
      'server/reports/rows/encoding-thread.ts',
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
  await chmod(path.join(outDir, 'cli.js'), 0o755);
}
