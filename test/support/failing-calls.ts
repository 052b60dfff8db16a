import path from 'node:path';
import { faultTool, run } from './fault-tools.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { tempFolder } from './temp-folder.ts';

/** System calls that write; `pwrite/reduce` writes less than it was asked to. */
export type FailingCall = 'sync/fdatasync' | 'sync/fsync' | 'rw/pwrite' | 'rw/pwrite/reduce' | 'rw/ftruncate';

export interface FailingServer extends ServerProcess {
  /**
   * Makes calls of the running server fail, whatever file they are for.
   *
   * @param errno - The error that they give.
   * @param probability - Of each to fail, by default 1.
   */
  fail(call: FailingCall, errno: number, probability?: number): Promise<void>;
  /** Lets the calls work again. */
  mend(call: FailingCall): Promise<void>;
}

/**
 * The built server under libfiu, which stands between it and the C library; it goes when the test ends.
 *
 * Ask it for no reports: what libfiu does between fork and exec keeps one process in three from starting.
 */
export async function startFailingServer(dataFolder: string): Promise<FailingServer> {
  const control = path.join(await tempFolder(), 'control');
  const server = await startServerProcess({ dataFolder, under: [faultTool('fiu-run'), '-x', '-f', control] });
  const tell = async (command: string): Promise<void> => {
    const complaint = await run('fiu-ctrl', ['-f', control, '-c', command, String(server.pid)]);
    if (complaint !== '') throw new Error(`fiu-ctrl: ${complaint}`);
  };
  return {
    ...server,
    fail: (call, errno, probability = 1) =>
      tell(`enable_random name=posix/io/${call},probability=${probability},failinfo=${errno}`),
    mend: (call) => tell(`disable name=posix/io/${call}`),
  };
}
