import { isRecord } from '../../shared/text.ts';
import { refusedText } from '../refused-text.ts';

const MAX_ITEMS = 64;
const FIELDS = ['customer', 'product', 'type', 'timestamp', 'context', 'version'] as const;

/**
 * What of a refused event is kept for people to look at: its known fields, each of bounded size.
 *
 * Nothing is walked or stringified but texts, numbers and null, and the items of the context.
 */
export function boundedFields(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return {};
  const kept: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const given = value[field];
    const bounded: unknown = Array.isArray(given) ? boundedItems(given) : boundedValue(given);
    if (bounded !== undefined) kept[field] = bounded;
  }
  return kept;
}

function boundedItems(items: readonly unknown[]): readonly unknown[] {
  return items.slice(0, MAX_ITEMS).map((item) => boundedValue(item) ?? null);
}

function boundedValue(value: unknown): string | number | null | undefined {
  if (typeof value === 'string') return refusedText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  return value === null ? null : undefined;
}
