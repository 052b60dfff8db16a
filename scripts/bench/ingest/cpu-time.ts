import { readFileSync } from 'node:fs';
import { systemCode } from '../../../server/errors.ts';

/** Microseconds of processors; NaN where the system doesn't tell. */
export interface CpuTime {
  /** Of a process alone. */
  readonly own: number;
  /** Of it and of all below it, also of those that have ended. */
  readonly all: number;
}

/** A tick of the kernel's accounting: 100 a second on every Linux. */
const TICK_US = 10_000;

/** What a process has taken of the processors so far. */
export function cpuTimeOf(pid: number): CpuTime {
  if (process.platform !== 'linux') return { own: NaN, all: NaN };
  const children = wordsOf(`/proc/${pid}/task/${pid}/children`);
  const below = children.reduce((sum, child) => sum + cpuTimeOf(Number(child)).all, 0);
  // Behind the name, which may hold anything: the 12th to 15th field are the time in user and in kernel mode,
  // and that of the children that have ended.
  const [user, kernel, endedUser, endedKernel] = wordsOf(`/proc/${pid}/stat`, /^.*\) /s)
    .slice(11, 15)
    .map((ticks) => Number(ticks) * TICK_US);
  const own = (user ?? 0) + (kernel ?? 0);
  return { own, all: own + (endedUser ?? 0) + (endedKernel ?? 0) + below };
}

/** Those of a file about a process; none if it has ended meanwhile: its parent has its time then. */
function wordsOf(path: string, without = /^/): readonly string[] {
  try {
    return readFileSync(path, 'utf8').replace(without, '').split(' ').filter(Boolean);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw error;
  }
}
