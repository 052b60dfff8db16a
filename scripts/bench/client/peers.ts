import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

/** Kept between runs; npm asks the registry only for what is missing. */
const FOLDER = path.resolve('dist/bench/peers');

/** Other products' SDKs, in versions that are known to work here. */
const PACKAGES = ['@amplitude/analytics-browser@2.46.0', '@snowplow/browser-tracker@4.10.1'];

/** Everything that they would send besides our events is switched off; how they batch is left as it comes. */
const ENTRIES = {
  amplitude: `
    import { init, track } from '@amplitude/analytics-browser';
    init('bench', { serverUrl: document.documentElement.dataset.endpoint + '?amplitude', autocapture: false,
      fetchRemoteConfig: false, remoteConfig: { fetchRemoteConfig: false }, logLevel: 0 });
    window.benchPeer = ({ type, context }) => void track(type, { context });`,
  snowplow: `
    import { newTracker, trackSelfDescribingEvent } from '@snowplow/browser-tracker';
    newTracker('bench', new URL(document.documentElement.dataset.endpoint).origin, { appId: 'bench', eventMethod: 'post' });
    const schema = 'iglu:com.example/event/jsonschema/1-0-0';
    window.benchPeer = ({ type, context }) => trackSelfDescribingEvent({ event: { schema, data: { type, context } } });`,
};

export type PeerName = keyof typeof ENTRIES;

/**
 * Installs other products' SDKs into the bench's own folder, never into the project's.
 *
 * @returns The script of each, bundled, that sets `window.benchPeer`.
 * @throws If npm can't install them.
 */
export async function buildPeers(): Promise<Readonly<Record<PeerName, string>>> {
  await mkdir(FOLDER, { recursive: true });
  // Without it, npm would take the project's own for the one to change.
  await writeFile(path.join(FOLDER, 'package.json'), JSON.stringify({ private: true }));
  const flags = ['--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const { error, status } = spawnSync('npm', ['install', ...flags, ...PACKAGES], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (error !== undefined || status !== 0) throw new Error('npm could not install the other SDKs');
  const [amplitude, snowplow] = await Promise.all([bundle(ENTRIES.amplitude), bundle(ENTRIES.snowplow)]);
  return { amplitude, snowplow };
}

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: FOLDER },
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2020',
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}
