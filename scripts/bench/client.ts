import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildClient } from '../build-client.ts';
import { findBrowser } from '../find-browser.ts';
import { measureFirst, measureLoop } from './client/measure-loop.ts';
import { measureOutage } from './client/measure-outage.ts';
import { measureBacklog, measureWire } from './client/measure-queue.ts';
import { buildPeers } from './client/peers.ts';
import { printClient } from './client/print-client.ts';
import { ClientSamples } from './client/samples.ts';
import { openStage, OURS, type Stage, type Variant } from './client/stage.ts';

/**
 * Measures what the client costs its page and the network in a real Chromium, all variants in turns within
 * each round, so that a ratio compares what ran in the same minute.
 *
 * @param hasPeers - Whether other products' SDKs are installed and measured as well.
 */
export async function benchClient(rounds: number, hasPeers: boolean): Promise<void> {
  if (findBrowser() === undefined) {
    process.stderr.write('client: no Chromium found; set CHROMIUM to the path of one\n');
    process.exitCode = 1;
    return;
  }
  const assets = await mkdtemp(path.join(tmpdir(), 'waybill-bench-client-'));
  try {
    await buildClient(assets);
    if (hasPeers) say('installing the other SDKs');
    const stage = await openStage(assets, hasPeers ? await buildPeers() : {});
    try {
      const senders: readonly Variant[] = [...OURS, 'naive', ...(hasPeers ? PEERS : [])];
      printClient(await measureAll(stage, senders, rounds), rounds);
    } finally {
      await stage.close();
    }
  } finally {
    await rm(assets, { recursive: true, force: true });
  }
}

const PEERS: readonly Variant[] = ['amplitude', 'snowplow'];

async function measureAll(stage: Stage, senders: readonly Variant[], rounds: number): Promise<ClientSamples> {
  const samples = new ClientSamples(['none', ...senders]);
  // Registers the worker and makes the database: every measured visit is a later one.
  for (const variant of OURS) await (await stage.open(variant, variant)).close();
  for (let round = 0; round < rounds; round++) {
    const where = `round ${round + 1} of ${rounds}`;
    // Another one begins each time: what a machine does over the minutes falls on all alike.
    for (const variant of rotate(samples.variants, round)) {
      say(`${where}: loop, ${variant}`);
      samples.of(variant).loop.push(await measureLoop(stage, variant));
    }
    for (const variant of rotate(OURS, round)) {
      say(`${where}: queue, ${variant}`);
      const { first, backlog, wire } = samples.of(variant);
      first.push(await measureFirst(stage, variant));
      backlog.push(await measureBacklog(stage, variant));
      wire.push(await measureWire(stage, variant));
    }
    say(`${where}: outage, all at once`);
    for (const [variant, sample] of await measureOutage(stage, senders, round)) {
      samples.of(variant).outage.push(sample);
    }
  }
  return samples;
}

function rotate<Item>(items: readonly Item[], by: number): readonly Item[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** Progress: not part of what is printed for others. */
function say(text: string): void {
  process.stderr.write(`client: ${text}\n`);
}
