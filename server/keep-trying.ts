import { isDiskFailure } from './disk-errors.ts';

/** Something that the server can do without until it works. */
export interface Trying {
  /** Tries no more; resolves when no attempt is under way. */
  stop(): Promise<void>;
}

/**
 * Does something now or, where the disk is full or fails, again and again until it works.
 *
 * @param retryMs - Wait after a failure.
 * @param onFailure - Told of the first failure alone.
 * @returns After the first attempt, whatever became of it.
 * @throws Whatever else the first attempt fails with; later ones are repeated whatever they fail with.
 */
export async function keepTrying(
  attempt: () => Promise<void>,
  retryMs: number,
  onFailure: (error: unknown) => void,
): Promise<Trying> {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let last = Promise.resolve();
  const later = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      last = attempt().catch(later);
    }, retryMs).unref();
  };
  try {
    await attempt();
  } catch (error) {
    if (!isDiskFailure(error)) throw error;
    onFailure(error);
    later();
  }
  return {
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await last;
    },
  };
}
