import { readFile } from 'node:fs/promises';
import type { CDPSession, Page } from 'playwright-core';

/**
 * The operating system's id of the process that runs this page: the one that is busy while the page is.
 *
 * @returns undefined where there is no `/proc`.
 */
export async function findRenderer(page: Page): Promise<number | undefined> {
  const browser = page.context().browser();
  if (!browser || process.platform !== 'linux') return undefined;
  const session = await browser.newBrowserCDPSession();
  try {
    const before = await readCpu(session);
    await page.evaluate(() => window.bench.burn(300));
    const after = await readCpu(session);
    const used = [...after].map(([id, seconds]) => ({ id, seconds: seconds - (before.get(id) ?? 0) }));
    return used.toSorted((a, b) => b.seconds - a.seconds)[0]?.id;
  } finally {
    await session.detach();
  }
}

/** Memory of a process that is in RAM; NaN if it can't be told. */
export async function residentMb(pid: number | undefined): Promise<number> {
  if (pid === undefined) return NaN;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
}

async function readCpu(session: CDPSession): Promise<ReadonlyMap<number, number>> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return new Map(
    processInfo.filter(({ type }) => type === 'renderer').map(({ id, cpuTime }) => [id, cpuTime]),
  );
}
