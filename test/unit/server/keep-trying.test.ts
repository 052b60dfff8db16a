import { describe, expect, it } from 'vitest';
import { keepTrying } from '../../../server/keep-trying.ts';

function diskFull(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
}

describe('keepTrying', () => {
  it('tries again until it works, and tells of the first failure alone', async () => {
    const failures: unknown[] = [];
    let attempts = 0;
    const trying = await keepTrying(
      async () => {
        attempts++;
        if (attempts < 4) throw diskFull();
      },
      1,
      (error) => failures.push(error),
    );
    expect(attempts).toBe(1);

    await expect.poll(() => attempts).toBe(4);
    await new Promise((resolve) => setTimeout(resolve, 20));

    expect(attempts).toBe(4);
    expect(failures).toHaveLength(1);
    await trying.stop();
  });

  it('waits for the attempt under way when it is stopped, and tries no more', async () => {
    let attempts = 0;
    let end = (): void => undefined;
    const trying = await keepTrying(
      async () => {
        if (++attempts > 1) await new Promise<void>((resolve) => (end = resolve));
        throw diskFull();
      },
      1,
      () => undefined,
    );
    await expect.poll(() => attempts).toBe(2);

    let isStopped = false;
    const stopped = trying.stop().then(() => (isStopped = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isStopped).toBe(false);
    end();
    await stopped;

    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(attempts).toBe(2);
  });

  it('throws what the disk has nothing to do with', async () => {
    await expect(
      keepTrying(
        () => Promise.reject(new Error('not private')),
        1,
        () => undefined,
      ),
    ).rejects.toThrow('not private');
  });
});
