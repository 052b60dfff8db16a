import type { Context } from '../page/api.ts';
import { DEFAULT_VIEW_CONTEXT, type PageView, parseViewContext, toViewValue } from './page-view.ts';
import { say } from './say.ts';
import type { Tracker } from './tracker.ts';
import { watchAddress } from './watch-address.ts';

/** How long a title is waited for: frameworks set it after the address. A guess. */
const TITLE_DELAY_MS = 100;

export interface PageViewOptions {
  /** Makes the context of the event. Default: an array with the path alone. */
  readonly context?: ((view: PageView) => Context) | undefined;
}

interface Begun {
  readonly address: string;
  readonly at: number;
  readonly view: Omit<PageView, 'title'>;
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * Tracks an event for the page's first view and for each one after it: when the path, the query or a fragment that is
 * a route (`#/…`, `#!…`) has changed, and when the page comes back from the back/forward cache.
 *
 * An address that is replaced within 100 ms was no view of its own. A prerendered page is viewed once it is shown.
 *
 * @param type - Code of the event type.
 * @returns What ends it.
 */
export function trackPageViews(tracker: Tracker, type: string, options: PageViewOptions = {}): () => void {
  const contextOf = options.context ?? parseViewContext(DEFAULT_VIEW_CONTEXT);
  let begun: Begun | undefined;
  let address = '';
  let referrer = '';
  let unwatch: (() => void) | undefined;

  function begin(isReplacement: boolean): void {
    if (begun && isReplacement) {
      clearTimeout(begun.timer);
      referrer = begun.view.referrer ?? '';
      begun = undefined;
    }
    finish();
    address = currentAddress();
    begun = {
      address,
      at: Date.now(),
      view: {
        path: toViewValue(location.pathname),
        query: toViewValue(location.search),
        hash: toViewValue(location.hash),
        referrer: toViewValue(referrer),
      },
      timer: setTimeout(finish, TITLE_DELAY_MS),
    };
    referrer = location.origin + location.pathname;
  }

  /** Tracks the view that has begun. */
  function finish(): void {
    if (!begun) return;
    const { at, timer, view } = begun;
    begun = undefined;
    clearTimeout(timer);
    say('log', `view of ${view.path} tracks ${type}`);
    try {
      tracker.track(type, contextOf({ ...view, title: toViewValue(document.title) }), { timestamp: at });
    } catch (error) {
      // The site's function failed. It is the site's to see, but no reason for its `pushState` to fail.
      setTimeout(() => {
        throw error;
      });
    }
  }

  function onChange(isReplacement: boolean): void {
    if (currentAddress() !== address) begin(isReplacement);
  }

  function onShow(event: PageTransitionEvent): void {
    if (!event.persisted) return;
    referrer = withoutQuery(document.referrer);
    begin(false);
  }

  function onHidden(): void {
    if (document.visibilityState === 'hidden') finish();
  }

  function start(): void {
    referrer = withoutQuery(document.referrer);
    begin(false);
    unwatch = watchAddress(onChange);
    addEventListener('pageshow', onShow);
    addEventListener('pagehide', finish);
    document.addEventListener('visibilitychange', onHidden);
  }

  if (Reflect.get(document, 'prerendering') === true)
    document.addEventListener('prerenderingchange', start, { once: true });
  else start();

  return () => {
    document.removeEventListener('prerenderingchange', start);
    unwatch?.();
    removeEventListener('pageshow', onShow);
    removeEventListener('pagehide', finish);
    document.removeEventListener('visibilitychange', onHidden);
    finish();
  };
}

/** What must change for another view: a plain fragment is a place on the page. */
function currentAddress(): string {
  const { hash, pathname, search } = location;
  return pathname + search + (/^#[!/]/.test(hash) ? hash : '');
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '');
}
