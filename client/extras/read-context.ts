import type { Context } from '../page/api.ts';
import { say } from './say.ts';

const WHOLE = 'data-waybill-context';
const KEYED = 'data-waybill-context-';

/**
 * The context that an element's attributes give to its event.
 *
 * `data-waybill-context` holds all of it as JSON, an array or an object; `data-waybill-context-user-id` one
 * value, under the key `userId`. Numbers and truth values become text.
 *
 * @returns Undefined where there is no such attribute. What can't be read becomes a context that `track` is sure to
 *   refuse: the event is counted as rejected, rather than stored without what it was to tell, or forgotten.
 */
export function readContext(element: Element): Context | undefined {
  const keyed = readKeyed(element);
  const text = element.getAttribute(WHOLE);
  if (text === null) return keyed.length > 0 ? Object.fromEntries(keyed) : undefined;
  const whole = parse(text);
  if (whole && keyed.length === 0) return whole;
  if (whole && !isList(whole)) return { ...whole, ...Object.fromEntries(keyed) };
  const problem = whole
    ? `${WHOLE} is an array, to which ${KEYED}… can add nothing`
    : `${WHOLE} must be JSON, an array or an object of texts, numbers, truth values or null`;
  say('warn', problem, element);
  return { [WHOLE]: text };
}

function readKeyed(element: Element): readonly (readonly [string, string])[] {
  return Array.from(element.attributes)
    .filter(({ name }) => name.startsWith(KEYED) && name.length > KEYED.length)
    .map(({ name, value }) => [toCamelCase(name.slice(KEYED.length)), value]);
}

/** As the browser does it for `dataset`. */
function toCamelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function parse(text: string): Context | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value).map(([key, item]: [string, unknown]) => [key, toItem(item)] as const);
  const good = entries.filter((entry): entry is readonly [string, string | null] => entry[1] !== undefined);
  if (good.length < entries.length) return undefined;
  return Array.isArray(value) ? good.map(([, item]) => item) : Object.fromEntries(good);
}

function toItem(value: unknown): string | null | undefined {
  if (typeof value === 'string' || value === null) return value;
  // Beyond, a number may no longer be the one that was written, which matters where it is an id.
  const isExact = typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return isExact || typeof value === 'boolean' ? String(value) : undefined;
}

function isList(context: Context): context is readonly (string | null)[] {
  return Array.isArray(context);
}
