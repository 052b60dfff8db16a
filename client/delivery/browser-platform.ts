import type { Platform } from './platform.ts';

/** The real thing, in a page as in a worker: the only file of this folder that names a global. */
export function browserPlatform(): Platform {
  return {
    fetch: (url, init) => fetch(url, init),
    now: () => Date.now(),
    random: () => Math.random(),
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    async gzip(text) {
      if (typeof CompressionStream === 'undefined') return undefined;
      // A blob would be handed to the browser's process and back first.
      const stream = new Response(text).body?.pipeThrough(new CompressionStream('gzip'));
      return stream && new Response(stream).arrayBuffer();
    },
    // Missing on pages without TLS, which bring their own.
    sha1: (bytes) => crypto.subtle.digest('SHA-1', bytes),
  };
}
