import type { IndexFile } from '../../server/store/segments/sealed/index-file.ts';
import {
  encodeLine,
  FIRST_LINE,
  type ClusterName,
  type SealedBlock,
  type SealedCluster,
} from '../../server/store/segments/sealed/sealed-index.ts';
import { rangesOf, type WantedClusters } from '../../server/store/segments/sealed/find-clusters.ts';

/** A cluster that an index is to have, and of how many blocks; each takes some 40 bytes of its line. */
export type ACluster = ClusterName & { readonly blocks: number };

const DAY = 86_400_000;

/** The lines of an index, of which no data file is needed to look something up in it; the header is the first. */
export function indexLines(clusters: readonly ACluster[], hasBatches = false): readonly Buffer[] {
  let end = FIRST_LINE.length;
  const lines = clusters.map(({ customer, product, day, blocks: count }) => {
    const from = day === null ? 0 : Date.parse(day);
    const block: SealedBlock = [131_072, '0123abcd', from];
    const blocks = Array.from({ length: count }, () => block);
    const offset = end + encodeLine({ customer, product, day }).length;
    const bytes = count * 131_072;
    end = offset + bytes;
    const times = { from, to: from + DAY - 1 };
    return encodeLine({
      customer,
      product,
      day,
      offset,
      bytes,
      rows: count,
      ...times,
      types: [count],
      blocks,
    });
  });
  const offset = end + encodeLine({ kind: 'batches' }).length;
  const batches = hasBatches ? { offset, bytes: 200, blocks: [[200, '0123abcd', 1]] } : null;
  const header = {
    kind: 'sealed-index',
    rows: 1,
    bytes: hasBatches ? offset + 200 : end,
    firstPosition: 1,
    lastPosition: 2,
    lines: 2,
    clusters: clusters.length,
    ...(clusters.at(-1)?.customer === null && { mixed: true }),
    types: ['T'],
    batches,
  };
  return [encodeLine(header), ...lines];
}

/** What a look-up in an index gives. */
export async function lookUp(
  index: IndexFile,
  wanted: WantedClusters,
): Promise<{ readonly clusters: readonly SealedCluster[]; readonly isWhole: boolean }> {
  const clusters: SealedCluster[] = [];
  const search = index.find(rangesOf(wanted));
  let step = await search.next();
  for (; step.done !== true; step = await search.next()) clusters.push(step.value);
  return { clusters, isWhole: step.value.isWhole };
}
