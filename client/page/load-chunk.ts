import type { createMemoryStorage } from '../queue/memory-storage.ts';
import type { sha1 } from '../delivery/sha1.ts';
import type { DeliveryParts, PageDelivery } from './page-delivery.ts';
import type { createPageFlusher } from './page-flusher.ts';

type CreateDelivery = (parts: DeliveryParts) => PageDelivery;

/**
 * The script's files that are loaded when they are first needed; each is an ES module beside it.
 *
 * An old script from a cache may meet the files of a newer build. So where the script and they no longer
 * understand each other, their exports get new names: the old script then finds none, goes on storing, and
 * the next page that has the new script delivers.
 */
export interface Chunks {
  /** Everything after an event is stored, where a worker delivers. */
  link(): Promise<{ readonly openDelivery: CreateDelivery }>;
  /** The same where the page delivers by itself, and the flush loop for pages whose worker fails. */
  flush(): Promise<{
    readonly openDelivery: CreateDelivery;
    readonly createFlusher: typeof createPageFlusher;
  }>;
  /** What pages without IndexedDB or without TLS need. */
  rare(): Promise<{
    readonly createMemoryStorage: typeof createMemoryStorage;
    readonly sha1: typeof sha1;
  }>;
}

/** @param assets - Absolute URL of the folder that holds them. The methods reject if it can't be reached. */
export function chunksOf(assets: string): Chunks {
  let failures = 0;

  async function load<Name extends keyof Chunks>(name: Name): Promise<Awaited<ReturnType<Chunks[Name]>>> {
    // A browser may keep the failure of an address for the life of the page: the next try gets another one.
    const url = `${assets}waybill-${name}.js${failures > 0 ? `?${failures}` : ''}`;
    try {
      const loaded: unknown = await import(url);
      if (isChunk(name, loaded)) return loaded;
      throw new TypeError(url);
    } catch (error) {
      failures++;
      throw error;
    }
  }

  return { link: () => load('link'), flush: () => load('flush'), rare: () => load('rare') };
}

/** Told by one export, which files that this script can't work with do not have. */
function isChunk<Name extends keyof Chunks>(
  name: Name,
  loaded: unknown,
): loaded is Awaited<ReturnType<Chunks[Name]>> {
  const mark = name === 'rare' ? 'sha1' : 'openDelivery';
  return typeof loaded === 'object' && loaded !== null && mark in loaded;
}
