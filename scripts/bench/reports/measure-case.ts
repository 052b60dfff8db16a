import { rm, stat } from 'node:fs/promises';
import type { Maker, Query } from './maker.ts';
import type { Usage } from './watch-process.ts';

/** All rounds of one maker. */
export interface Measured {
  readonly name: string;
  readonly isOrdered: boolean;
  readonly usages: readonly Usage[];
  /** Of the file that it wrote. */
  readonly bytes: number;
}

/**
 * Has the same report made by each in turn, so many rounds, and one before that does not count.
 *
 * @param file - Written and removed again and again.
 * @returns In the order of the makers.
 */
export async function measureCase(
  query: Query,
  makers: readonly Maker[],
  rounds: number,
  file: string,
): Promise<readonly Measured[]> {
  const usages = makers.map((): Usage[] => []);
  const bytes = makers.map(() => 0);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, maker] of makers.entries()) {
      const usage = await maker.make(query, file);
      // The first time somebody may have to read from the disk.
      if (round > 0) usages[index]?.push(usage);
      bytes[index] = (await stat(file)).size;
      await rm(file);
    }
  }
  return makers.map(({ name, isOrdered }, index) => ({
    name,
    isOrdered,
    usages: usages[index] ?? [],
    bytes: bytes[index] ?? 0,
  }));
}
