/** What delivery needs from its surroundings: handed in, so that tests decide about time and network. */
export interface Platform {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Epoch milliseconds. */
  now(): number;
  /** At least 0, below 1. */
  random(): number;
  /** Calls back once, later. @returns What cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  /** The text's gzip form; undefined where the browser has no compressor. */
  gzip(text: string): Promise<ArrayBuffer | undefined>;
  /** The bytes' SHA-1 digest. */
  sha1(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
}
