import type { SnapshotReader, StoreSnapshot } from './event-store.ts';
import { SegmentReader } from './segments/segment-reader.ts';

/** Opens a snapshot for reading, in any process: it loads nothing that only writers need. */
export function openSnapshot(snapshot: StoreSnapshot): SnapshotReader {
  return new SegmentReader(snapshot);
}
