import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildClient } from './build-client.ts';

/** What a visitor loads, in bytes of gzip -9: the most it may weigh today, and what it is to come down to. */
const BUDGETS = [
  { what: 'first load', files: ['waybill.js'], budgetBytes: 6_000, goalBytes: 4_800 },
  {
    what: 'page with a worker, all',
    files: ['waybill.js', 'waybill-link.js'],
    budgetBytes: 12_200,
    goalBytes: 9_000,
  },
  {
    what: 'page without a worker, all',
    files: ['waybill.js', 'waybill-flush.js'],
    budgetBytes: 13_000,
    goalBytes: 7_000,
  },
  { what: 'worker', files: ['waybill-sw.js'], budgetBytes: 8_700, goalBytes: 6_200 },
];

const outDir = await mkdtemp(join(tmpdir(), 'waybill-size-'));
try {
  await buildClient(outDir);
  const rows = await Promise.all(
    BUDGETS.map(async ({ what, files, budgetBytes, goalBytes }) => {
      const contents = await Promise.all(files.map((file) => readFile(join(outDir, file))));
      const bytes = contents.reduce((sum, content) => sum + gzipSync(content, { level: 9 }).length, 0);
      return { what, files: files.join(' + '), bytes, budgetBytes, goalBytes, fits: bytes <= budgetBytes };
    }),
  );
  process.stdout.write('      bytes  budget    goal\n');
  for (const { what, files, bytes, budgetBytes, goalBytes, fits } of rows) {
    const numbers = [bytes, budgetBytes, goalBytes].map((number) => String(number).padStart(7)).join(' ');
    process.stdout.write(`${fits ? 'ok  ' : 'OVER'}${numbers}  ${what} (${files})\n`);
  }
  if (rows.some((row) => !row.fits)) process.exitCode = 1;
} finally {
  await rm(outDir, { recursive: true, force: true });
}
