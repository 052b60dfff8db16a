import { DEFAULT_LIMITS } from '../../shared/limits.ts';
import type { Context } from '../page/api.ts';
import { say } from './say.ts';

/** What is known about a view; null where there is none of it. */
export interface PageView {
  /** Path of the address, such as `/portfolios/7`. */
  readonly path: string | null;
  /** From `?` on. May hold what a user has searched for, tokens, addresses: take it only if yours does not. */
  readonly query: string | null;
  /** From `#` on; the same goes for it. */
  readonly hash: string | null;
  /** Title of the document, 100 ms after the address has changed or when the view ends. */
  readonly title: string | null;
  /** Origin and path of the view before, for the first one of the page that led here. */
  readonly referrer: string | null;
}

const VALUES = ['path', 'query', 'hash', 'title', 'referrer'] as const;

type Value = (typeof VALUES)[number];

/** Without query and fragment, which may hold what is nobody's business. */
export const DEFAULT_VIEW_CONTEXT = 'path';

/**
 * Reads which values of a view are its event's context.
 *
 * @param text - Names of `PageView`, by spaces: an array in this order. With a key before each, such as
 *   `page=path name=title`, an object by these keys.
 */
export function parseViewContext(text: string): (view: PageView) => Context {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const parts = words.map((word) => {
    const at = word.indexOf('=');
    const name = word.slice(at + 1);
    const value = VALUES.find((known) => known === name);
    if (!value) say('warn', `data-page-view-context: ${name} is none of ${VALUES.join(', ')}`);
    return { key: at < 0 ? undefined : word.slice(0, at), value };
  });
  if (parts.every(({ key }) => key === undefined))
    return (view) => parts.map(({ value }) => pick(view, value));
  return (view) => Object.fromEntries(parts.map(({ key = '', value }) => [key, pick(view, value)]));
}

function pick(view: PageView, value: Value | undefined): string | null {
  return value ? view[value] : null;
}

/** As much of a text as an event may hold. */
export function toViewValue(text: string): string | null {
  return text.slice(0, DEFAULT_LIMITS.maxStringLength) || null;
}
