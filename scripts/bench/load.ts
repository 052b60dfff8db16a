import autocannon from 'autocannon';
import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cores } from './cores.ts';

/** What a load generator saw. */
export interface Load {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export type LoadGenerator = (
  url: string,
  body: string,
  connections: number,
  seconds: number,
) => Promise<Load>;

/**
 * The load generator to measure with: `wrk` where it is installed, else autocannon, which takes so much
 * of a core itself that differences between fast servers shrink.
 *
 * @param folder - For the generator's own files.
 * @param cores - Where it runs, which only wrk can be told.
 */
export function pickGenerator(
  folder: string,
  cores: Cores,
): { readonly name: string; readonly generate: LoadGenerator } {
  const hasWrk = spawnSync('wrk', ['-v']).error === undefined;
  if (!hasWrk && cores.load.length > 0)
    throw new Error("only wrk can be kept off the servers' core: install it");
  return hasWrk
    ? { name: 'wrk', generate: (...args) => runWrk(folder, cores, ...args) }
    : { name: 'autocannon; install wrk for a load that costs less itself', generate: runAutocannon };
}

async function runAutocannon(url: string, body: string, connections: number, seconds: number): Promise<Load> {
  const headers = { 'content-type': 'application/json' };
  const result = await autocannon({ url, method: 'POST', headers, body, connections, duration: seconds });
  assertClean(url, result.non2xx + result.errors);
  const { requests, latency } = result;
  return { requestsPerSecond: requests.average, p50Ms: latency.p50, p99Ms: latency.p99 };
}

async function runWrk(
  folder: string,
  cores: Cores,
  url: string,
  body: string,
  connections: number,
  seconds: number,
): Promise<Load> {
  const script = path.join(folder, 'post.lua');
  // A long string of Lua needs no escaping; JSON on one line can't hold its end.
  await writeFile(
    script,
    `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[${body}]==]
function done(summary, latency)
  local e = summary.errors
  local bad = e.connect + e.read + e.write + e.status + e.timeout
  local rate = summary.requests / summary.duration * 1e6
  print(string.format("RESULT %f %f %f %d", rate, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, bad))
end
`,
  );
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url];
  const output = await outputOf([...cores.load, ...wrk]);
  const [, rate, p50, p99, bad] = /RESULT (\S+) (\S+) (\S+) (\d+)/.exec(output) ?? [];
  if (bad === undefined) throw new Error(`wrk gave no result: ${output}`);
  assertClean(url, Number(bad));
  return { requestsPerSecond: Number(rate), p50Ms: Number(p50), p99Ms: Number(p99) };
}

function assertClean(url: string, bad: number): void {
  if (bad > 0) throw new Error(`${bad} requests to ${url} failed: the figures would mean nothing`);
}

function outputOf([program = '', ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', () => resolve(output));
  });
}
