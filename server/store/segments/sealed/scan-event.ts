import {
  CONTEXT_BYTES,
  EVENT_NUMBERS,
  PRODUCT,
  PRODUCT_BYTES,
  SEQUENCE,
  TIMESTAMP_BYTES,
  TYPE,
  TYPE_BYTES,
  VERSION_BYTES,
  type LineEvents,
} from './line-events.ts';
import { findQuoteOrBackslash, Literal } from '../../../words.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

const CUSTOMER = new Literal('{"customer":"');
const PRODUCT_KEY = new Literal('","product":"');
const TYPE_KEY = new Literal('","type":"');
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
/** Digits of which every number is exact. */
const MAX_DIGITS = 15;

/**
 * Adds an event in the form in which the store writes nearly all of them.
 *
 * Texts are walked to their end, so nothing that is inside of one is taken for anything else. Codes
 * with an escape are left to whoever reads JSON, so that equal codes are equal bytes. What it finds
 * counts only if the end is not behind that of the line: a broken text may go on in the next one.
 *
 * @param view - Has quotes behind all lines, at which every search ends.
 * @returns Where the text ends, or -1 if the event is of any other form.
 */
export function scanEvent(view: DataView, at: number, events: LineEvents): number {
  if (!CUSTOMER.isAt(view, at)) return -1;
  const product = at + CUSTOMER.length;
  const customerEnd = findQuoteOrBackslash(view, product);
  if (!PRODUCT_KEY.isAt(view, customerEnd)) return -1;
  const productEnd = findQuoteOrBackslash(view, customerEnd + PRODUCT_KEY.length);
  if (!TYPE_KEY.isAt(view, productEnd)) return -1;
  const type = productEnd + TYPE_KEY.length - 1;
  const typeQuote = findQuoteOrBackslash(view, type + 1);
  if (!TIMESTAMP.isAt(view, typeQuote)) return -1;

  const digits = typeQuote + TIMESTAMP.length;
  let digitsEnd = digits;
  let timestamp = 0;
  for (;;) {
    const digit = view.getUint8(digitsEnd) - 0x30;
    if (digit < 0 || digit > 9) break;
    timestamp = timestamp * 10 + digit;
    digitsEnd++;
  }
  const digitCount = digitsEnd - digits;
  const isLeadingZero = digitCount > 1 && view.getUint8(digits) === 0x30;
  if (digitCount === 0 || digitCount > MAX_DIGITS || isLeadingZero) return -1;
  if (!CONTEXT.isAt(view, digitsEnd)) return -1;

  const context = digitsEnd + CONTEXT.length - 1;
  const contextEnd = listEnd(view, context);
  if (contextEnd < 0) return -1;
  let end = contextEnd;
  let versionBytes = 0;
  if (view.getUint8(contextEnd) === COMMA) {
    if (!VERSION.isAt(view, contextEnd)) return -1;
    end = itemEnd(view, contextEnd + VERSION.length);
    if (end < 0) return -1;
    versionBytes = end - contextEnd - VERSION.length;
  }
  if (view.getUint8(end) !== CLOSE_BRACE) return -1;

  events.reserve();
  const { numbers, timestamps, count } = events;
  const first = count * EVENT_NUMBERS;
  timestamps[count] = timestamp;
  numbers[first + PRODUCT] = product;
  numbers[first + PRODUCT_BYTES] = productEnd - product;
  numbers[first + TYPE] = type;
  numbers[first + TYPE_BYTES] = typeQuote + 1 - type;
  numbers[first + TIMESTAMP_BYTES] = digitCount;
  numbers[first + CONTEXT_BYTES] = contextEnd - context;
  numbers[first + VERSION_BYTES] = versionBytes;
  numbers[first + SEQUENCE] = count;
  events.count = count + 1;
  return end + 1;
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
