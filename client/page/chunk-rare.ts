export { sha1 } from '../delivery/sha1.ts';
export { createMemoryStorage } from '../queue/memory-storage.ts';
