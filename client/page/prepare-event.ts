import { parseEvent } from '../../shared/event.ts';
import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import { isRecord } from '../../shared/text.ts';
import type { Problem } from './api.ts';
import type { Config } from './options.ts';
import { orderContext } from './order-context.ts';

const NONE: Readonly<Record<string, unknown>> = Object.freeze({});

/** The arguments of `track`, of any kind. */
export interface TrackCall {
  readonly type?: unknown;
  readonly context?: unknown;
  readonly options?: unknown;
}

export type Prepared =
  /** `text` is the event as JSON. */
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Makes an event of what `track` was given, and shows it to the site's hook.
 *
 * @param shared - Values that every event with such a key gets.
 * @returns null if the hook has dropped the event.
 * @throws What the arguments throw when they are looked at.
 */
export function prepareEvent(
  config: Config,
  nowMs: number,
  shared: Readonly<Record<string, string | null>>,
  { type, context, options }: TrackCall,
): Prepared | null {
  const own = isRecord(options) ? options : NONE;
  const { customer = config.customer, product = config.product, timestamp = nowMs } = own;
  const { version = config.version } = own;
  const ordered = orderContext(context, config.contextKeys[String(type)], shared);
  const event = { customer, product, type, timestamp, context: ordered, version };
  const parsed = parseEvent(event, DEFAULT_LIMITS, nowMs);
  if (!parsed.ok || !config.beforeSend) return parsed;
  let altered: unknown;
  try {
    altered = config.beforeSend(parsed.event);
  } catch {
    // As if it had returned nothing: unaltered, the event may hold what was to be taken out.
  }
  if (altered === undefined) return { ok: false, problems: [{ code: 'BEFORE_SEND_FAILED', path: '' }] };
  return altered === null ? altered : parseEvent(altered, DEFAULT_LIMITS, nowMs);
}
