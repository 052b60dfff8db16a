import type { EventProblem } from './error-codes.ts';
import type { Limits } from './limits.ts';
import { hasControlCharacter, isRecord, toWellFormed, utf8Length } from './text.ts';

/** One fact: at a time, something of a type happened in a customer's product. */
export interface UsageEvent {
  /** Code of the customer whose software produced the event, e.g. `BARCHART`. */
  readonly customer: string;
  /** Code of the software system, e.g. `PORTFOLIO`. */
  readonly product: string;
  /** Code of the event type, e.g. `PORTFOLIO-APPLICATION-LOADED`. */
  readonly type: string;
  /** When it happened by the clock of the device, in integer milliseconds since the Unix epoch. */
  readonly timestamp: number;
  /** Qualifies the event; position and type give a value its meaning. Null is "not known". */
  readonly context: readonly (string | null)[];
  /** Version of the software that produced it. */
  readonly version?: string | null;
}

/** A stored event: (`batch`, `sequence`) is its identity for ever. */
export interface EventFull extends UsageEvent {
  /** UUID of the batch that it was sent with. */
  readonly batch: string;
  /** Its place in that batch, from 0. */
  readonly sequence: number;
}

export type ParsedEvent =
  /** `text` is the event as JSON, known fields only, in their fixed order. */
  | { readonly ok: true; readonly event: UsageEvent; readonly text: string }
  /** `event` is there when every field has its type, although something else is wrong with it. */
  | {
      readonly ok: false;
      readonly event: UsageEvent | undefined;
      readonly problems: readonly EventProblem[];
    };

/**
 * Checks one event of unknown origin, copying its known fields and nothing else.
 *
 * @param value - Anything; it is never changed, stringified or walked deeper than its context.
 * @param limits - Sizes beyond which the event is refused.
 * @param nowMs - The time now; timestamps may lie at most `limits.maxFutureMs` after it.
 * @returns The event, or every problem found in it. Never throws.
 */
export function parseEvent(value: unknown, limits: Limits, nowMs: number): ParsedEvent {
  if (!isRecord(value)) {
    return { ok: false, event: undefined, problems: [{ code: 'REQUEST_PARAMETER_MALFORMED', path: '' }] };
  }
  return parsePlainEvent(value, limits, nowMs) ?? parseAnyEvent(value, limits, nowMs);
}

/** A character that JSON escapes, or that it doesn't although no code may have it. */
const UNUSUAL = /[\\\u007f]/;

/**
 * The short way for nearly all events: what can be wrong with their characters would show in their text.
 *
 * @returns What `parseAnyEvent` would; undefined unless it is sure.
 */
function parsePlainEvent(
  value: Readonly<Record<string, unknown>>,
  limits: Limits,
  nowMs: number,
): ParsedEvent | undefined {
  const { customer, product, type, timestamp, context, version } = value;
  if (
    !isShortCode(customer, limits) ||
    !isShortCode(product, limits) ||
    !isShortCode(type, limits) ||
    typeof timestamp !== 'number' ||
    !Number.isSafeInteger(timestamp) ||
    timestamp < 0 ||
    timestamp > nowMs + limits.maxFutureMs ||
    !Array.isArray(context) ||
    context.length > limits.maxContextItems ||
    !(version === undefined || isText(version))
  )
    return undefined;
  const items: (string | null)[] = [];
  for (let index = 0; index < context.length; index++) {
    const item: unknown = context[index];
    if (!isText(item)) return undefined;
    items.push(item);
  }
  const at = timestamp + 0;
  const whole: UsageEvent =
    version === undefined
      ? { customer, product, type, timestamp: at, context: items }
      : { customer, product, type, timestamp: at, context: items, version };
  const text = JSON.stringify(whole);
  // As short as this, no field can be too long. A lone surrogate is escaped, too.
  const isShort = text.length <= limits.maxStringLength && text.length * 3 <= limits.maxEventBytes;
  return isShort && !UNUSUAL.test(text) ? { ok: true, event: whole, text } : undefined;
}

function isShortCode(field: unknown, limits: Limits): field is string {
  return typeof field === 'string' && field !== '' && field.length <= limits.maxCodeLength;
}

function isText(item: unknown): item is string | null {
  return item === null || typeof item === 'string';
}

/** Finds everything that is wrong with an event. */
export function parseAnyEvent(
  value: Readonly<Record<string, unknown>>,
  limits: Limits,
  nowMs: number,
): ParsedEvent {
  const problems: EventProblem[] = [];
  const customer = readCode(value, 'customer', problems, limits);
  const product = readCode(value, 'product', problems, limits);
  const type = readCode(value, 'type', problems, limits);
  const timestamp = readTimestamp(value['timestamp'], problems, nowMs + limits.maxFutureMs);
  const context = readContext(value['context'], problems, limits);
  const version = readVersion(value['version'], problems, limits);
  if (
    customer === undefined ||
    product === undefined ||
    type === undefined ||
    timestamp === undefined ||
    context === undefined ||
    version === false
  ) {
    return { ok: false, event: undefined, problems };
  }
  const event: UsageEvent =
    version === undefined
      ? { customer, product, type, timestamp, context }
      : { customer, product, type, timestamp, context, version };
  if (problems.length > 0) return { ok: false, event, problems };
  const text = JSON.stringify(event);
  // Most events are far below the limit: three bytes a unit is the most that UTF-8 takes.
  if (text.length * 3 > limits.maxEventBytes && utf8Length(text) > limits.maxEventBytes) {
    return { ok: false, event, problems: [{ code: 'EVENT_TOO_LARGE', path: '' }] };
  }
  return { ok: true, event, text };
}

function readCode(
  value: Readonly<Record<string, unknown>>,
  path: 'customer' | 'product' | 'type',
  problems: EventProblem[],
  limits: Limits,
): string | undefined {
  const field = value[path];
  if (typeof field !== 'string') {
    const isMissing = field === undefined || field === null;
    problems.push({ code: isMissing ? 'REQUEST_PARAMETER_MISSING' : 'REQUEST_PARAMETER_MALFORMED', path });
    return undefined;
  }
  if (field === '') problems.push({ code: 'REQUEST_PARAMETER_MISSING', path });
  else if (field.length > limits.maxCodeLength) problems.push({ code: 'EVENT_FIELD_TOO_LONG', path });
  else if (hasControlCharacter(field)) problems.push({ code: 'REQUEST_PARAMETER_MALFORMED', path });
  return toWellFormed(field);
}

function readTimestamp(field: unknown, problems: EventProblem[], latest: number): number | undefined {
  const path = 'timestamp';
  if (typeof field !== 'number') {
    const isMissing = field === undefined || field === null;
    problems.push({ code: isMissing ? 'REQUEST_PARAMETER_MISSING' : 'REQUEST_PARAMETER_MALFORMED', path });
    return undefined;
  }
  if (!Number.isSafeInteger(field)) {
    problems.push({ code: 'REQUEST_PARAMETER_MALFORMED', path });
    // JSON reads 1e999 as Infinity, which has no JSON text of its own.
    return Number.isFinite(field) ? field : undefined;
  }
  if (field < 0 || field > latest) problems.push({ code: 'EVENT_TIMESTAMP_OUT_OF_RANGE', path });
  // -0 + 0 is 0, so that both zeros are one.
  return field + 0;
}

function readContext(
  field: unknown,
  problems: EventProblem[],
  limits: Limits,
): readonly (string | null)[] | undefined {
  const path = 'context';
  if (!Array.isArray(field)) {
    const isMissing = field === undefined || field === null;
    problems.push({ code: isMissing ? 'REQUEST_PARAMETER_MISSING' : 'REQUEST_PARAMETER_MALFORMED', path });
    return undefined;
  }
  if (field.length > limits.maxContextItems) problems.push({ code: 'EVENT_FIELD_TOO_LONG', path });
  const items: readonly unknown[] = field;
  const context: (string | null)[] = [];
  let isShaped = true;
  // One bad item is enough to name: a body could hold a million of them.
  for (let index = 0; index < items.length && isShaped; index++) {
    const item = items[index];
    if (item === null) context.push(null);
    else if (typeof item === 'string') context.push(readItem(item, `context[${index}]`, problems, limits));
    else {
      isShaped = false;
      problems.push({ code: 'REQUEST_PARAMETER_MALFORMED', path: `context[${index}]` });
    }
  }
  return isShaped ? context : undefined;
}

function readItem(item: string, path: string, problems: EventProblem[], limits: Limits): string {
  if (item.length > limits.maxStringLength && problems.length < 20) {
    problems.push({ code: 'EVENT_FIELD_TOO_LONG', path });
  }
  return toWellFormed(item);
}

function readVersion(
  field: unknown,
  problems: EventProblem[],
  limits: Limits,
): string | null | undefined | false {
  if (field === undefined || field === null) return field;
  if (typeof field !== 'string') {
    problems.push({ code: 'REQUEST_PARAMETER_MALFORMED', path: 'version' });
    return false;
  }
  return readItem(field, 'version', problems, limits);
}

/** What tells events apart, in a fixed order: two events with the same JSON text of it are the same. */
export function identityFields(event: UsageEvent): readonly unknown[] {
  const { customer, product, type, timestamp, context, version } = event;
  return [customer, product, type, timestamp, context, version ?? null];
}
