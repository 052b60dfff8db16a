let lastMs = 0;
let counter = 0;

/** Random words in stock: asking for them costs more than making an id of them. */
const stock = new Uint32Array(128);
let left = 0;

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
  if (left === 0) {
    crypto.getRandomValues(stock);
    left = stock.length;
  }
  // With the bits of the variant first, it always has 8 digits.
  const tail = ((takeWord() % 2 ** 30) + 2 ** 31).toString(16) + digits(takeWord(), 8);
  const head = digits(lastMs, 12);
  return `${head.slice(0, 8)}-${head.slice(8)}-7${digits(counter, 3)}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

/** Each word is used once. */
function takeWord(): number {
  return stock[--left] ?? 0;
}

function digits(value: number, length: number): string {
  return value.toString(16).padStart(length, '0');
}

/** Two lower-case hexadecimal digits a byte. */
export function hex(bytes: Iterable<number>): string {
  let text = '';
  for (const byte of bytes) text += digits(byte, 2);
  return text;
}
