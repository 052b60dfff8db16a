import type { StoreSnapshot } from '../../../server/store/event-store.ts';
import type { WantedClusters } from '../../../server/store/segments/sealed/find-clusters.ts';
import { SealedFile } from '../../../server/store/segments/sealed/sealed-file.ts';

/** Bytes of the blocks of a snapshot's sealed segments that can have what a report asks for: it has to read them. */
export async function matchingBlockBytes({ sealed }: StoreSnapshot, wanted: WantedClusters): Promise<number> {
  let sum = 0;
  for (const { files } of sealed) {
    const file = await SealedFile.open(files, () => undefined);
    if (file === undefined) continue;
    for await (const { blocks, to } of file.clustersOf(wanted)) {
      for (const [number, [bytes, , first]] of blocks.entries()) {
        const last = blocks[number + 1]?.[2] ?? to;
        if (first <= wanted.end && last >= wanted.start) sum += bytes;
      }
    }
    await file.close();
  }
  return sum;
}
