import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { pickGenerator, type Load, type LoadGenerator } from './load.ts';
import { median, printTable } from './table.ts';

const CONNECTIONS = 64;
const BATCHES = [10, 100];

interface Variant {
  readonly name: string;
  readonly url: string;
  readonly prefer: string | undefined;
}

/**
 * Measures durable ingest against the same framework without storage, in turns within each round, so
 * that a ratio compares what ran in the same seconds.
 */
export async function benchIngest(rounds: number, seconds: number): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'waybill-bench-'));
  const children: ChildProcess[] = [];
  try {
    const baseline = await startBaseline(folder, children);
    const waybill = await startWaybill(folder, children);
    const variants: readonly Variant[] = [
      { name: 'Koa, no storage, echo', url: baseline, prefer: undefined },
      { name: 'Waybill, durable, echo', url: waybill, prefer: undefined },
      { name: 'Waybill, durable, receipt', url: waybill, prefer: 'return=minimal' },
    ];
    const { name, generate } = pickGenerator(folder);
    process.stdout.write(`load generator: ${name}\n`);
    for (const { url, prefer } of variants)
      await generate(`${url}/events`, bodyOf(10, prefer), CONNECTIONS, 1);
    for (const batch of BATCHES) await compare(generate, variants, batch, rounds, seconds);
  } finally {
    for (const child of children) child.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(
  generate: LoadGenerator,
  variants: readonly Variant[],
  batch: number,
  rounds: number,
  seconds: number,
): Promise<void> {
  const samples = new Map<string, Load[]>(variants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, url, prefer } of variants) {
      samples.get(name)?.push(await generate(`${url}/events`, bodyOf(batch, prefer), CONNECTIONS, seconds));
    }
  }
  const base = samples.get(variants[0]?.name ?? '') ?? [];
  const rows = variants.map(({ name }) => {
    const own = samples.get(name) ?? [];
    const ratios = own.map(
      (sample, round) => sample.requestsPerSecond / (base[round]?.requestsPerSecond ?? NaN),
    );
    const range = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
    return [
      name,
      Math.round(median(own.map((sample) => sample.requestsPerSecond)) * batch).toLocaleString('en'),
      median(ratios).toFixed(2),
      range,
      median(own.map((sample) => sample.p50Ms)).toFixed(1),
      median(own.map((sample) => sample.p99Ms)).toFixed(1),
    ];
  });
  const title = `POST /events, ${batch} events a request, ${CONNECTIONS} connections, medians of ${rounds} rounds`;
  printTable(title, [['', 'events/s', 'ratio', 'range', 'p50 ms', 'p99 ms'], ...rows]);
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

async function startBaseline(folder: string, children: ChildProcess[]): Promise<string> {
  const outfile = path.resolve('dist/bench/plain-koa.js');
  await build({
    entryPoints: ['scripts/bench/plain-koa.ts'],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  const port = await firstMatch(startNode(outfile, folder, {}, children), /port (\d+)/);
  return `http://127.0.0.1:${port}`;
}

function startWaybill(folder: string, children: ChildProcess[]): Promise<string> {
  const env = {
    PORT: '0',
    WAYBILL_STORE: `file:${path.join(folder, 'data')}`,
    WAYBILL_DATA: path.join(folder, 'data'),
    WAYBILL_LOG_LEVEL: 'error',
  };
  return firstMatch(
    startNode(path.resolve('dist/server/main.js'), folder, env, children),
    /listens on (\S+)/,
  );
}

function startNode(
  file: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
  children: ChildProcess[],
): ChildProcess {
  const child = spawn(process.execPath, [file], {
    cwd,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

function firstMatch(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = pattern.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error('a server of the benchmark ended early')));
  });
}
