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
 * @returns The event, or the problems found in it, at most 20. Never throws.
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
    if (item !== null && typeof item !== 'string') return undefined;
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

/** Of one event: a body could hold a million bad items. */
const MAX_PROBLEMS = 20;

/** Finds what is wrong with an event, up to `MAX_PROBLEMS`. */
export function parseAnyEvent(
  value: Readonly<Record<string, unknown>>,
  limits: Limits,
  nowMs: number,
): ParsedEvent {
  const problems: EventProblem[] = [];
  /** Whether every field has its type. */
  let isShaped = true;

  function blame(code: EventProblem['code'], path: string): void {
    if (problems.length < MAX_PROBLEMS) problems.push({ code, path });
  }

  function blameType(path: string, field: unknown): void {
    isShaped = false;
    const isMissing = field === undefined || field === null;
    blame(isMissing ? 'REQUEST_PARAMETER_MISSING' : 'REQUEST_PARAMETER_MALFORMED', path);
  }

  function readText(field: string, path: string, maxLength = limits.maxStringLength): string {
    if (field.length > maxLength) blame('EVENT_FIELD_TOO_LONG', path);
    return toWellFormed(field);
  }

  function readCode(path: 'customer' | 'product' | 'type'): string {
    const field = value[path];
    if (typeof field !== 'string') {
      blameType(path, field);
      return '';
    }
    if (field === '') blame('REQUEST_PARAMETER_MISSING', path);
    else if (field.length <= limits.maxCodeLength && hasControlCharacter(field))
      blame('REQUEST_PARAMETER_MALFORMED', path);
    return readText(field, path, limits.maxCodeLength);
  }

  function readTimestamp(field: unknown, path: string): number {
    // JSON reads 1e999 as Infinity, which has no JSON text of its own.
    if (typeof field !== 'number' || !Number.isFinite(field)) {
      blameType(path, field);
      return 0;
    }
    if (!Number.isSafeInteger(field)) blame('REQUEST_PARAMETER_MALFORMED', path);
    else if (field < 0 || field > nowMs + limits.maxFutureMs) blame('EVENT_TIMESTAMP_OUT_OF_RANGE', path);
    // -0 + 0 is 0, so that both zeros are one.
    return field + 0;
  }

  function readContext(field: unknown, path: string): readonly (string | null)[] {
    const context: (string | null)[] = [];
    if (!Array.isArray(field)) {
      blameType(path, field);
      return context;
    }
    if (field.length > limits.maxContextItems) blame('EVENT_FIELD_TOO_LONG', path);
    for (let index = 0; index < field.length; index++) {
      const item: unknown = field[index];
      const itemPath = `${path}[${index}]`;
      if (!isText(item)) {
        blameType(itemPath, false);
        // One that is of another type is enough to name.
        break;
      }
      context.push(item === null ? item : readText(item, itemPath));
    }
    return context;
  }

  const customer = readCode('customer');
  const product = readCode('product');
  const type = readCode('type');
  const timestamp = readTimestamp(value['timestamp'], 'timestamp');
  const context = readContext(value['context'], 'context');
  let event: UsageEvent = { customer, product, type, timestamp, context };
  const { version } = value;
  if (typeof version === 'string') event = { ...event, version: readText(version, 'version') };
  else if (version === null) event = { ...event, version };
  else if (version !== undefined) blameType('version', version);
  if (!isShaped) return { ok: false, event: undefined, problems };
  const text = problems.length > 0 ? '' : JSON.stringify(event);
  // Most events are far below the limit: three bytes a unit is the most that UTF-8 takes.
  if (text.length * 3 > limits.maxEventBytes && utf8Length(text) > limits.maxEventBytes)
    blame('EVENT_TOO_LARGE', '');
  return problems.length > 0 ? { ok: false, event, problems } : { ok: true, event, text };
}

/** What tells events apart, in a fixed order: two events with the same JSON text of it are the same. */
export function identityFields(event: UsageEvent): readonly unknown[] {
  const { customer, product, type, timestamp, context, version } = event;
  return [customer, product, type, timestamp, context, version ?? null];
}
