import { isUtf8 } from 'node:buffer';
import type { Limits } from '../../shared/limits.ts';
import { isRecord } from '../../shared/text.ts';
import { parseJson } from '../parse-json.ts';
import { readCanonicalEvents, type CanonicalEvents } from './canonical-events.ts';

/** The body of a request to store events. */
export interface EventsBody {
  /** Parsed JSON of unknown shape. */
  readonly value: unknown;
  /** The events, if they were read without being parsed: `value.events` is then an empty array. */
  readonly canonical: CanonicalEvents | undefined;
}

const EVENTS = Buffer.from('"events":[');
const EVENTS_KEY = '"events"';

/** @throws AppError `REQUEST_INPUT_MALFORMED`. */
export function parseEventsBody(bytes: Buffer, limits: Limits): EventsBody {
  return readCanonicalBody(bytes, limits) ?? { value: parseJson(bytes), canonical: undefined };
}

/**
 * Reads the events as they stand, and parses only what is around them.
 *
 * That what is found is the field `events` of the body, and the one that counts, follows from JSON's
 * grammar: an array put in the place of another changes nothing else of what a text is parsed to. With the
 * events left out the text is parsed to an object that has them; and since their key is there only once, and
 * can't be spelled with escapes, it is the one that was found.
 *
 * @returns Undefined if any of this isn't so.
 */
export function readCanonicalBody(bytes: Buffer, limits: Limits): EventsBody | undefined {
  const key = bytes.indexOf(EVENTS);
  if (key < 0 || !isUtf8(bytes)) return undefined;
  const start = key + EVENTS.length;
  const canonical = readCanonicalEvents(bytes, start, limits);
  if (canonical === undefined) return undefined;
  const rest =
    bytes.toString('utf8', 0, start) + bytes.toString('utf8', start + canonical.texts.bytes.length);
  if (rest.includes('\\') || rest.indexOf(EVENTS_KEY) !== rest.lastIndexOf(EVENTS_KEY)) return undefined;
  const value = parsedOrUndefined(rest);
  const events = isRecord(value) ? value['events'] : undefined;
  return Array.isArray(events) && events.length === 0 ? { value, canonical } : undefined;
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The whole text is parsed next, and says what is wrong.
    return undefined;
  }
}
