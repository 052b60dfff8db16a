import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { buildClient } from './build-client.ts';

/** What a visitor loads, in bytes of gzip -9: the most it may weigh today, and what it is to come down to. */
const LOADS = [
  { what: 'first load', files: ['waybill.js'], budgetBytes: 7_840, goalBytes: 4_800 },
  {
    what: 'page with a worker, all',
    files: ['waybill.js', 'waybill-link.js'],
    budgetBytes: 15_390,
    goalBytes: 9_000,
  },
  {
    what: 'page without a worker, all',
    files: ['waybill.js', 'waybill-flush.js'],
    budgetBytes: 18_000,
    goalBytes: 7_000,
  },
  { what: 'worker', files: ['waybill-sw.js'], budgetBytes: 10_930, goalBytes: 6_200 },
  { what: 'extras', files: ['waybill-extras.js'], budgetBytes: 4_300, goalBytes: 4_300 },
];

export interface ClientSize {
  readonly what: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** With Brotli, which a proxy may do. */
  readonly brotliBytes: number;
  readonly budgetBytes: number;
  readonly goalBytes: number;
}

/** Builds the browser files anew and weighs what a visitor loads of them. */
export async function measureClientSizes(): Promise<readonly ClientSize[]> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-size-'));
  try {
    await buildClient(folder);
    return await Promise.all(
      LOADS.map(async (load) => {
        const contents = await Promise.all(load.files.map((file) => readFile(join(folder, file))));
        const bytes = contents.reduce((sum, content) => sum + gzipSync(content, { level: 9 }).length, 0);
        const brotliBytes = contents.reduce((sum, content) => sum + brotliCompressSync(content).length, 0);
        return { ...load, bytes, brotliBytes };
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
