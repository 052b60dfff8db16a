import { findQuoteOrBackslash, Literal } from './words.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

const CUSTOMER = new Literal('{"customer":"');
const PRODUCT = new Literal('","product":"');
const TYPE = new Literal('","type":"');
const TIMESTAMP = new Literal('","timestamp":');
const CONTEXT = new Literal(',"context":[');
const VERSION = new Literal(',"version":');
const NULL = new Literal('null');

/** Bytes of an event's text between its type and the digits of its timestamp. */
export const TYPE_TO_TIMESTAMP = TIMESTAMP.length - 1;
/** Bytes between those digits and the context. */
export const TIMESTAMP_TO_CONTEXT = CONTEXT.length - 1;
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
  timestampBytes: number;
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
    // No small integer, so that the engine expects what comes.
    timestamp: 0.5,
    timestampBytes: 0,
    contextStart: 0,
    contextEnd: 0,
    end: 0,
  };
}

/**
 * Finds the parts of an event in the form in which the store writes nearly all of them.
 *
 * Texts are walked to their end, so nothing that is inside of one is taken for anything else. Codes
 * with an escape are left to whoever reads JSON, so that equal codes are equal bytes. What it finds
 * counts only if the end is not behind that of the line: a broken text may go on in the next one.
 *
 * @param view - Has a quote behind all lines, at which every search ends, and words' slack.
 * @returns Where the text ends, or -1 if the event is of any other form.
 */
export function scanEvent(view: DataView, at: number, spans: EventSpans): number {
  if (!CUSTOMER.isAt(view, at)) return -1;
  const productStart = at + CUSTOMER.length;
  const customerEnd = findQuoteOrBackslash(view, productStart);
  if (!PRODUCT.isAt(view, customerEnd)) return -1;
  const productEnd = findQuoteOrBackslash(view, customerEnd + PRODUCT.length);
  if (!TYPE.isAt(view, productEnd)) return -1;
  const typeQuote = findQuoteOrBackslash(view, productEnd + TYPE.length);
  if (!TIMESTAMP.isAt(view, typeQuote)) return -1;
  spans.productStart = productStart;
  spans.productEnd = productEnd;
  spans.typeStart = productEnd + TYPE.length - 1;
  spans.typeEnd = typeQuote + 1;

  const digits = typeQuote + TIMESTAMP.length;
  let digitsEnd = digits;
  let timestamp = 0;
  for (;;) {
    const digit = view.getUint8(digitsEnd) - 0x30;
    if (digit < 0 || digit > 9) break;
    timestamp = timestamp * 10 + digit;
    digitsEnd++;
  }
  const count = digitsEnd - digits;
  const isLeadingZero = count > 1 && view.getUint8(digits) === 0x30;
  if (count === 0 || count > MAX_DIGITS || isLeadingZero || !CONTEXT.isAt(view, digitsEnd)) return -1;
  spans.timestamp = timestamp;
  spans.timestampBytes = count;

  const contextEnd = listEnd(view, digitsEnd + CONTEXT.length - 1);
  if (contextEnd < 0) return -1;
  spans.contextStart = digitsEnd + CONTEXT.length - 1;
  spans.contextEnd = contextEnd;
  let end = contextEnd;
  if (view.getUint8(contextEnd) === COMMA) {
    if (!VERSION.isAt(view, contextEnd)) return -1;
    end = itemEnd(view, contextEnd + VERSION.length);
    if (end < 0) return -1;
  }
  spans.end = end;
  return view.getUint8(end) === CLOSE_BRACE ? end + 1 : -1;
}

/** Where a list of texts and nulls ends; -1 if it is anything else. */
export function listEnd(view: DataView, start: number): number {
  if (view.getUint8(start) !== OPEN_BRACKET) return -1;
  if (view.getUint8(start + 1) === CLOSE_BRACKET) return start + 2;
  for (let at = start + 1; ; at++) {
    at = itemEnd(view, at);
    if (at < 0) return -1;
    const byte = view.getUint8(at);
    if (byte === CLOSE_BRACKET) return at + 1;
    if (byte !== COMMA) return -1;
  }
}

/** Where a text or null ends; -1 if it is anything else. */
export function itemEnd(view: DataView, start: number): number {
  if (view.getUint8(start) !== QUOTE) return NULL.isAt(view, start) ? start + NULL.length : -1;
  let at = findQuoteOrBackslash(view, start + 1);
  // What is behind a backslash belongs to it.
  while (view.getUint8(at) === BACKSLASH) at = findQuoteOrBackslash(view, at + 2);
  return at + 1;
}
