/** What a sender prefers (RFC 7240), of what this server knows. */
export interface Preferences {
  /** A receipt instead of an echo of the events. */
  readonly isMinimal: boolean;
  /** The good events are stored though others are bad. */
  readonly isLenient: boolean;
  /** Text of the `Preference-Applied` header; empty if nothing known was preferred. */
  readonly applied: string;
}

/** What the same few senders write again and again; the oldest goes when there are too many. */
const remembered = new Map<string, Preferences>();
const MAX_REMEMBERED = 64;
const MAX_REMEMBERED_LENGTH = 128;
/** Proxies in between wait no longer either. */
const MAX_WAIT_SECONDS = 60;

/**
 * Reads the `Prefer` header and the body field of the same meaning; of two that differ the first counts.
 *
 * Unknown preferences are ignored, as the specification asks.
 */
export function parsePreferences(header: string, field: string | undefined): Preferences {
  const text = `${header},${field ?? ''}`;
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const preferences = parseText(text);
  if (text.length <= MAX_REMEMBERED_LENGTH) {
    const [oldest] = remembered.keys();
    if (remembered.size === MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(text, preferences);
  }
  return preferences;
}

/**
 * For how long a sender would rather wait for what it asks for than be told that it is not there yet.
 *
 * @param header - The `Prefer` header.
 * @returns Whole seconds, 60 at most; undefined if it does not say so.
 */
export function waitSeconds(header: string): number | undefined {
  const value = preferred(header).get('wait') ?? '';
  return /^\d{1,9}$/.test(value) ? Math.min(Number(value), MAX_WAIT_SECONDS) : undefined;
}

function parseText(text: string): Preferences {
  const values = preferred(text);
  const result = values.get('return');
  const handling = values.get('handling');
  const applied: string[] = [];
  if (result === 'minimal' || result === 'representation') applied.push(`return=${result}`);
  if (handling === 'lenient' || handling === 'strict') applied.push(`handling=${handling}`);
  return { isMinimal: result === 'minimal', isLenient: handling === 'lenient', applied: applied.join(', ') };
}

/** The values of preferences by their names, in lower case; of two of one name the first counts. */
function preferred(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const preference of text.split(',')) {
    const [token = ''] = preference.split(';');
    const [name = '', value = ''] = token.split('=').map((part) => part.trim().toLowerCase());
    if (!values.has(name)) values.set(name, value.replace(/^"(.*)"$/, '$1'));
  }
  return values;
}
