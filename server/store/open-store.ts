import type { EventStore, SnapshotReader, StoreSnapshot } from './event-store.ts';
import { SegmentEventStore } from './segments/segment-event-store.ts';
import { SegmentReader } from './segments/segment-reader.ts';

const FILE_SCHEME = 'file:';

/** The folder of a store URL such as `file:./data`, or undefined if no engine serves that URL. */
export function storeFolder(url: string): string | undefined {
  const folder = url.startsWith(FILE_SCHEME) ? url.slice(FILE_SCHEME.length) : '';
  return folder === '' ? undefined : folder.replace(/^\/\/(?=\/)/, '');
}

/**
 * Opens the store that a URL names: `file:DIR`, the embedded engine.
 *
 * @param url - One for which `storeFolder` gives a folder.
 * @throws Error in words for the operator.
 */
export async function openStore(url: string, nowMs: number): Promise<EventStore> {
  const folder = storeFolder(url);
  if (folder === undefined) throw new Error(`${url} is no store URL: write file:DIR`);
  return SegmentEventStore.open(folder, nowMs);
}

/** Opens a snapshot for reading, in any process. */
export function openSnapshot(snapshot: StoreSnapshot): SnapshotReader {
  return new SegmentReader(snapshot);
}
