const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
const FIRST_PRINTABLE = 0x20;
const LOWER_N = 0x6e;

const CUSTOMER = Buffer.from('{"customer":"');
const PRODUCT = Buffer.from('","product":"');
const TYPE = Buffer.from('","type":');
const TIMESTAMP = Buffer.from(',"timestamp":');
const CONTEXT = Buffer.from(',"context":');
const VERSION = Buffer.from(',"version":');
const NULL = Buffer.from('null');

/** Bytes of an event's text between its type and the digits of its timestamp. */
export const TYPE_TO_TIMESTAMP = TIMESTAMP.length;
/** Bytes between those digits and the context. */
export const TIMESTAMP_TO_CONTEXT = CONTEXT.length;
/** Bytes between the context and the version. */
export const CONTEXT_TO_VERSION = VERSION.length;
/** An event's text has more bytes than this: its keys and its shortest values. */
export const MIN_EVENT_BYTES = 64;

/** Digits of which every number is exact. */
const MAX_DIGITS = 15;

/** Where the parts of an event's text are; one object is used again and again. */
export interface EventSpans {
  /** Customer's code, the key between, and the product's code. */
  productStart: number;
  productEnd: number;
  /** With its quotes, like the other texts. */
  typeStart: number;
  typeEnd: number;
  timestamp: number;
  contextStart: number;
  contextEnd: number;
  /** The same as `contextEnd` if there is no version. */
  end: number;
}

export function newSpans(): EventSpans {
  return {
    productStart: 0,
    productEnd: 0,
    typeStart: 0,
    typeEnd: 0,
    timestamp: 0,
    contextStart: 0,
    contextEnd: 0,
    end: 0,
  };
}

/**
 * Finds the parts of an event in the form in which the store writes nearly all of them.
 *
 * Texts are walked to their end, so nothing that is inside of one is taken for anything else. Codes
 * with an escape are left to whoever reads JSON, so that equal codes are equal bytes.
 *
 * @param bytes - Has a newline behind `at`, at which every search ends.
 * @returns Where the text ends, or -1 if the event is of any other form.
 */
export function scanEvent(bytes: Buffer, at: number, spans: EventSpans): number {
  if (!isAt(bytes, at, CUSTOMER)) return -1;
  spans.productStart = at + CUSTOMER.length;
  const customerEnd = codeEnd(bytes, spans.productStart);
  if (customerEnd < 0 || !isAt(bytes, customerEnd, PRODUCT)) return -1;
  const productEnd = codeEnd(bytes, customerEnd + PRODUCT.length);
  if (productEnd < 0 || !isAt(bytes, productEnd, TYPE)) return -1;
  spans.productEnd = productEnd;
  spans.typeStart = productEnd + TYPE.length;
  if (bytes[spans.typeStart] !== QUOTE) return -1;
  const typeEnd = codeEnd(bytes, spans.typeStart + 1) + 1;
  if (typeEnd <= 0 || !isAt(bytes, typeEnd, TIMESTAMP)) return -1;
  spans.typeEnd = typeEnd;

  const digits = typeEnd + TIMESTAMP.length;
  let digitsEnd = digits;
  let timestamp = 0;
  for (;;) {
    const digit = (bytes[digitsEnd] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    timestamp = timestamp * 10 + digit;
    digitsEnd++;
  }
  const count = digitsEnd - digits;
  const isLeadingZero = bytes[digits] === 0x30 && count > 1;
  if (count === 0 || count > MAX_DIGITS || isLeadingZero || !isAt(bytes, digitsEnd, CONTEXT)) return -1;
  spans.timestamp = timestamp;

  spans.contextStart = digitsEnd + CONTEXT.length;
  const contextEnd = listEnd(bytes, spans.contextStart);
  if (contextEnd < 0) return -1;
  spans.contextEnd = contextEnd;
  spans.end = contextEnd;
  if (bytes[contextEnd] === COMMA) {
    if (!isAt(bytes, contextEnd, VERSION)) return -1;
    spans.end = itemEnd(bytes, contextEnd + VERSION.length);
    if (spans.end < 0) return -1;
  }
  return bytes[spans.end] === CLOSE_BRACE ? spans.end + 1 : -1;
}

/** Whether a text is at a place of a buffer. */
export function isAt(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[at + index] !== text[index]) return false;
  }
  return true;
}

/** Where the quote is that ends a code; -1 if it has an escape or no end. */
function codeEnd(bytes: Buffer, start: number): number {
  for (let at = start; ; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte < FIRST_PRINTABLE) return -1;
  }
}

/** Where a list of texts and nulls ends; -1 if it is anything else. */
function listEnd(bytes: Buffer, start: number): number {
  if (bytes[start] !== OPEN_BRACKET) return -1;
  if (bytes[start + 1] === CLOSE_BRACKET) return start + 2;
  for (let at = start + 1; ; at++) {
    at = itemEnd(bytes, at);
    if (at < 0) return -1;
    if (bytes[at] === CLOSE_BRACKET) return at + 1;
    if (bytes[at] !== COMMA) return -1;
  }
}

/** Where a text or null ends; -1 if it is anything else. */
function itemEnd(bytes: Buffer, start: number): number {
  if (bytes[start] === LOWER_N) return isAt(bytes, start, NULL) ? start + NULL.length : -1;
  if (bytes[start] !== QUOTE) return -1;
  for (let at = start + 1; ; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
    else if (byte < FIRST_PRINTABLE) return -1;
  }
}
