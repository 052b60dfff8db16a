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

function parseText(text: string): Preferences {
  const preferred = new Map<string, string>();
  for (const preference of text.split(',')) {
    const [token = ''] = preference.split(';');
    const [name = '', value = ''] = token.split('=').map((part) => part.trim().toLowerCase());
    if (!preferred.has(name)) preferred.set(name, value.replace(/^"(.*)"$/, '$1'));
  }
  const result = preferred.get('return');
  const handling = preferred.get('handling');
  const applied: string[] = [];
  if (result === 'minimal' || result === 'representation') applied.push(`return=${result}`);
  if (handling === 'lenient' || handling === 'strict') applied.push(`handling=${handling}`);
  return { isMinimal: result === 'minimal', isLenient: handling === 'lenient', applied: applied.join(', ') };
}
