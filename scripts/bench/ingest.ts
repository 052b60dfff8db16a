import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ANY_CORES, oneCoreEach } from './cores.ts';
import { startPeers, type Peers } from './ingest/peers.ts';
import { printCosts, printGoals, printLoads } from './ingest/print-ingest.ts';
import { BenchServers } from './ingest/servers.ts';
import type { Sample, Samples, Variant, VariantName } from './ingest/variants.ts';
import { pickGenerator, type LoadGenerator } from './load.ts';

const CONNECTIONS = 64;
const BATCHES = [1, 10, 100];

/**
 * Measures durable ingest against the same framework without storage, in turns within each round, so
 * that a ratio compares what ran in the same seconds.
 *
 * @param hasPeers - Whether the framework with other stores is measured as well.
 * @param isOnOneCore - Whether no server gets more than one core: a database in processes of its own else works beside
 *   the app, on a core that the others leave idle.
 */
export async function benchIngest(
  rounds: number,
  seconds: number,
  hasPeers: boolean,
  isOnOneCore: boolean,
): Promise<void> {
  const cores = isOnOneCore ? oneCoreEach() : ANY_CORES;
  const folder = await mkdtemp(path.join(tmpdir(), 'waybill-bench-'));
  const servers = new BenchServers(folder, cores);
  let peers: Peers | undefined;
  try {
    const koa = await servers.startBaseline();
    const waybill = await servers.startWaybill();
    const variants: Variant[] = [
      { name: 'koa', server: koa, prefer: undefined },
      { name: 'echo', server: waybill, prefer: undefined },
      { name: 'receipt', server: waybill, prefer: 'return=minimal' },
    ];
    if (hasPeers) {
      peers = await startPeers(servers, folder, cores);
      variants.push(...peers.variants);
    }
    const { name, generate } = pickGenerator(folder, cores);
    process.stdout.write(`load generator: ${name}\n`);
    for (const variant of variants) await load(generate, variant, 10, 1);
    const byBatch = new Map<number, Samples>();
    for (const batch of BATCHES) {
      const samples = await compare(generate, variants, batch, rounds, seconds);
      byBatch.set(batch, samples);
      const title = `POST /events, ${batch} events a request, ${CONNECTIONS} connections, medians of ${rounds} rounds`;
      printLoads(title, batch, samples);
    }
    printCosts(byBatch);
    printGoals(byBatch, waybill.peakMb());
  } finally {
    servers.stop();
    await peers?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(
  generate: LoadGenerator,
  variants: readonly Variant[],
  batch: number,
  rounds: number,
  seconds: number,
): Promise<Samples> {
  const samples = new Map<VariantName, Sample[]>(variants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const variant of variants)
      samples.get(variant.name)?.push(await load(generate, variant, batch, seconds));
  }
  return samples;
}

async function load(
  generate: LoadGenerator,
  { server, prefer }: Variant,
  batch: number,
  seconds: number,
): Promise<Sample> {
  const before = server.cpuTime();
  const seen = await generate(`${server.url}/events`, bodyOf(batch, prefer), CONNECTIONS, seconds);
  const after = server.cpuTime();
  const requests = seen.requestsPerSecond * seconds;
  const cpu = { own: (after.own - before.own) / requests, all: (after.all - before.all) / requests };
  return { ...seen, cpu };
}

function bodyOf(count: number, prefer: string | undefined): string {
  const events = Array.from({ length: count }, (_, index) => ({
    customer: 'BARCHART',
    product: 'PORTFOLIO',
    type: index % 3 === 0 ? 'PORTFOLIO-ACCESSED' : 'PORTFOLIO-TRANSACTION-CREATED',
    timestamp: 1_760_000_000_000 + index * 137,
    context: [
      '7d1f6c1e-5a0b-4f0e-9c68-3b1f6f0a2d11',
      'b2c6a1c4-2d0e-4f7a-8a57-91f2c1d0e3b7',
      `pos-${index}`,
      'AAPL',
    ],
    version: '4.12.1',
  }));
  return JSON.stringify(prefer === undefined ? { events } : { prefer, events });
}
