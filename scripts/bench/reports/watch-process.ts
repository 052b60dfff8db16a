import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpuTimeOf } from '../ingest/cpu-time.ts';

/** What a process took, from before it was started until after it had ended. */
export interface Usage {
  readonly seconds: number;
  /** Of its processors, user and kernel, in steps of 10 ms. */
  readonly cpuSeconds: number;
  /** Its peak; NaN where the system doesn't tell. */
  readonly rssMb: number;
  /** What it asked files for, of the page cache too; NaN where the system doesn't tell. */
  readonly bytesRead: number;
}

const POLL_MS = 25;

/**
 * Starts a process, waits for its end, and says what it took.
 *
 * @param start - Nothing else may be started or end meanwhile.
 * @param isGood - Whether it has done its work, by the code that it ended with.
 * @throws If it has not.
 */
export async function watchProcess(
  start: () => ChildProcess,
  isGood = (code: number | null): boolean => code === 0,
): Promise<Usage> {
  const cpuBefore = childrenCpu();
  const began = performance.now();
  const child = start();
  let [rssMb, bytesRead] = [NaN, NaN];
  const look = (): void => {
    const { pid } = child;
    if (pid === undefined) return;
    rssMb = latest(rssMb, numberIn(`/proc/${pid}/status`, /VmHWM:\s+(\d+)/) / 1_024);
    bytesRead = latest(bytesRead, numberIn(`/proc/${pid}/io`, /rchar: (\d+)/));
  };
  const timer = setInterval(look, POLL_MS);
  // It says that it is done before it ends.
  child.on('message', look);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (isGood(code)) resolve();
        else reject(new Error(`${child.spawnargs.join(' ').slice(0, 300)} ended with ${code ?? signal}`));
      });
    });
  } finally {
    clearInterval(timer);
  }
  const seconds = (performance.now() - began) / 1_000;
  return { seconds, cpuSeconds: (childrenCpu() - cpuBefore) / 1e6, rssMb, bytesRead };
}

/** Of all processes that this one has started, also of those that have ended. */
function childrenCpu(): number {
  const { own, all } = cpuTimeOf(process.pid);
  return all - own;
}

/** The kernel's peaks only grow; a process that has just ended has none any more. */
function latest(before: number, now: number): number {
  return Number.isNaN(now) ? before : now;
}

function numberIn(path: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? NaN);
  } catch {
    // It has ended, or this is not Linux.
    return NaN;
  }
}
