import type { EventStore } from './event-store.ts';
import { SegmentEventStore } from './segments/segment-event-store.ts';
import { compactionInProcess } from './segments/compaction/compaction-process.ts';
import { WRITER_DEFAULTS } from './segments/segment-writer.ts';
import { verifyStore as verifyFolder, type VerifiedFile } from './segments/verify-store.ts';

const FILE_SCHEME = 'file:';

/** The folder of a store URL such as `file:./data`, or undefined if no engine serves that URL. */
export function storeFolder(url: string): string | undefined {
  const folder = url.startsWith(FILE_SCHEME) ? url.slice(FILE_SCHEME.length) : '';
  return folder === '' ? undefined : folder.replace(/^\/\/(?=\/)/, '');
}

/**
 * Reads a store through and checks every checksum, changing nothing; also while a server has it open.
 *
 * @param url - One for which `storeFolder` gives a folder.
 */
export function verifyStore(url: string): AsyncGenerator<VerifiedFile, void, undefined> {
  return verifyFolder(folderOf(url));
}

function folderOf(url: string): string {
  const folder = storeFolder(url);
  if (folder === undefined) throw new Error(`${url} is no store URL: write file:DIR`);
  return folder;
}

export interface StoreOptions {
  /** Bytes at which a log segment is complete. */
  readonly segmentBytes: number;
  /** The built entry of the processes that tidy up a store's files, `compaction-child.js`. */
  readonly compactionChild: string;
  /** Told of each failure to tidy up; it is tried again. */
  readonly onCompactionFailure: (error: unknown) => void;
}

/** Waits after a failure to tidy up. */
const COMPACTION_RETRY_MS = [5_000, 300_000] as const;

/**
 * Opens the store that a URL names: `file:DIR`, the embedded engine.
 *
 * @param url - One for which `storeFolder` gives a folder.
 * @throws Error in words for the operator.
 */
export async function openStore(url: string, nowMs: number, options: StoreOptions): Promise<EventStore> {
  return SegmentEventStore.open(
    folderOf(url),
    nowMs,
    { ...WRITER_DEFAULTS, segmentBytes: options.segmentBytes },
    {
      run: compactionInProcess(options.compactionChild),
      onFailure: options.onCompactionFailure,
      retryMs: COMPACTION_RETRY_MS,
      now: Date.now,
    },
  );
}
