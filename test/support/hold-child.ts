import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { ServerProcess } from './server-process.ts';

/**
 * The next process that makes a report, held where it is before it has ended.
 *
 * To be called before the report is asked for: on a busy machine it may have ended by the answer.
 */
export async function holdChild({ pid }: Pick<ServerProcess, 'pid'>): Promise<number> {
  for (;;) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    for (const child of children.split(' ').filter(Boolean).map(Number)) {
      const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
      if (!command.includes('report-child.js')) continue;
      process.kill(child, 'SIGSTOP');
      return child;
    }
    await setTimeout(1);
  }
}
