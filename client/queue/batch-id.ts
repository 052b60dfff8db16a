let lastMs = 0;
let counter = 0;

/**
 * A time-ordered UUID (version 7): ids of one context sort in the order in which they were made.
 *
 * `crypto.randomUUID` is missing on pages without TLS; `getRandomValues` is not.
 */
export function newBatchId(nowMs: number): string {
  // Later ids must sort later, also within a millisecond and after the clock was set back.
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs++;
    counter = 0;
  }
  const random = crypto.getRandomValues(new Uint8Array(8));
  random[0] = ((random[0] ?? 0) & 0x3f) | 0x80;
  const tail = hex(random);
  const head = lastMs.toString(16).padStart(12, '0');
  const middle = counter.toString(16).padStart(3, '0');
  return `${head.slice(0, 8)}-${head.slice(8)}-7${middle}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

/** Two lower-case hexadecimal digits a byte. */
export function hex(bytes: Iterable<number>): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
