import { build } from 'esbuild';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildClient } from '../../scripts/build-client.ts';

/** What browsers load in the lab. */
export interface LabFiles {
  /** By name: the client's own files, as they are shipped. */
  readonly client: (name: string) => Promise<string | undefined>;
  readonly pageAgent: string;
  readonly workerAgent: string;
  /** Removes what was built. */
  remove(): Promise<void>;
}

/** Builds the client and the lab's own scripts. */
export async function buildLab(): Promise<LabFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-torture-'));
  await buildClient(folder);
  const [pageAgent, workerAgent] = await Promise.all([bundle('page-agent.ts'), bundle('worker-agent.ts')]);
  return {
    async client(name) {
      try {
        return await readFile(join(folder, name), 'utf8');
      } catch {
        return undefined;
      }
    },
    pageAgent,
    workerAgent,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function bundle(file: string): Promise<string> {
  const entry = fileURLToPath(new URL(`agent/${file}`, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
  });
  return outputFiles.map(({ text }) => text).join('');
}
