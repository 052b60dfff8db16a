import { QUEUE_NAME } from '../../shared/worker-api.ts';
import { browserPlatform } from '../delivery/browser-platform.ts';
import { createFlusher, type Flusher, type FlusherParts } from '../delivery/flusher.ts';
import { type LeavingBurst, sendLeaving } from '../delivery/send-leaving.ts';
import { createDeliveryQueue } from '../queue/create-delivery-queue.ts';
import type { Storage } from '../queue/storage.ts';
import type { Chunks } from './load-chunk.ts';

/** A flusher that can also send what is not stored yet. */
export interface PageFlusher extends Flusher {
  sendLeaving(burst: LeavingBurst): ReturnType<typeof sendLeaving>;
}

/**
 * The flush loop in the page, for sites without a worker and for workers that don't answer.
 *
 * @param storage - The page's own, so that this file brings no second copy of what opens it.
 */
export function createPageFlusher(
  storage: Storage,
  chunks: Chunks,
  onAnswer: FlusherParts['onAnswer'],
): PageFlusher {
  // Missing on pages without TLS, as is `crypto.subtle`.
  const locks: LockManager | undefined = navigator.locks;
  const platform = browserPlatform();
  const parts: FlusherParts = {
    queue: createDeliveryQueue(storage),
    platform: window.isSecureContext
      ? platform
      : { ...platform, sha1: async (bytes) => (await chunks.rare()).sha1(bytes) },
    // What is in memory is this page's alone: no other flusher can want it.
    locks: storage.kind === 'memory' ? undefined : locks,
    lockName: QUEUE_NAME,
    onAnswer,
  };
  return { ...createFlusher(parts), sendLeaving: (burst) => sendLeaving(parts, burst) };
}
