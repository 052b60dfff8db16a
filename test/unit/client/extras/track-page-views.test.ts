import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseViewContext } from '../../../../client/extras/page-view.ts';
import { openConsole } from '../../../../client/extras/say.ts';
import { type PageViewOptions, trackPageViews } from '../../../../client/extras/track-page-views.ts';
import { recordConsole, RecordingTracker } from '../../../support/extras-page.ts';

const NOW = 1_760_000_000_000;

describe('page views', () => {
  let tracker: RecordingTracker;
  let stop: () => void;
  beforeEach(() => {
    vi.useFakeTimers({ now: NOW });
    tracker = new RecordingTracker();
    stop = () => undefined;
    history.replaceState(null, '', '/start?secret=1#place');
    document.title = 'Start';
  });
  afterEach(() => {
    stop();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  function start(options?: PageViewOptions): void {
    stop = trackPageViews(tracker, 'VIEWED', options);
  }

  const contexts = (): unknown => tracker.calls.map(([, context]) => context);

  it('are tracked at the start and after each change of the address, with the path alone', () => {
    start();
    vi.advanceTimersByTime(100);
    history.pushState(null, '', '/a?q=1');
    vi.advanceTimersByTime(100);
    history.replaceState(null, '', '/b');
    vi.advanceTimersByTime(100);
    expect(tracker.calls).toEqual([
      ['VIEWED', ['/start'], { timestamp: NOW }],
      ['VIEWED', ['/a'], { timestamp: NOW + 100 }],
      ['VIEWED', ['/b'], { timestamp: NOW + 200 }],
    ]);
  });

  it('are tracked once a change: not when the state alone or a place on the page has changed', () => {
    start();
    vi.advanceTimersByTime(100);
    history.pushState({ open: true }, '');
    history.pushState(null, '', '#elsewhere');
    history.replaceState(null, '', '/start?secret=1');
    dispatchEvent(new Event('popstate'));
    dispatchEvent(new Event('hashchange'));
    vi.advanceTimersByTime(1_000);
    expect(tracker.calls).toHaveLength(1);
    history.pushState(null, '', '?page=2');
    history.pushState(null, '', '#/route');
    history.pushState(null, '', '#!route');
    vi.advanceTimersByTime(1_000);
    expect(tracker.calls).toHaveLength(4);
  });

  it('wait for the title, and are not waited for by the next one', () => {
    start({ context: ({ path, title }) => [path, title] });
    history.pushState(null, '', '/a');
    document.title = 'A';
    vi.advanceTimersByTime(99);
    expect(contexts()).toEqual([['/start', 'Start']]);
    vi.advanceTimersByTime(1);
    expect(contexts()).toEqual([
      ['/start', 'Start'],
      ['/a', 'A'],
    ]);
  });

  it('leave out an address that is replaced at once', () => {
    start({ context: ({ path, referrer }) => [path, referrer] });
    vi.advanceTimersByTime(100);
    history.pushState(null, '', '/account');
    history.replaceState(null, '', '/login');
    vi.advanceTimersByTime(100);
    expect(contexts()).toEqual([
      ['/start', null],
      ['/login', `${location.origin}/start`],
    ]);
  });

  it.each([
    ['pagehide', window],
    ['visibilitychange', document],
  ] as const)('are tracked at once on %s', (name, target) => {
    start();
    vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    target.dispatchEvent(new Event(name));
    expect(tracker.calls).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(tracker.calls).toHaveLength(1);
  });

  it('are tracked again when the page comes out of the back/forward cache', () => {
    start();
    vi.advanceTimersByTime(100);
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
    vi.advanceTimersByTime(100);
    expect(tracker.calls).toHaveLength(1);
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    vi.advanceTimersByTime(100);
    expect(contexts()).toEqual([['/start'], ['/start']]);
  });

  it('of a prerendered page begin when it is shown', () => {
    Object.assign(document, { prerendering: true });
    start();
    history.replaceState(null, '', '/prepared');
    vi.advanceTimersByTime(1_000);
    expect(tracker.calls).toEqual([]);
    Reflect.deleteProperty(document, 'prerendering');
    document.dispatchEvent(new Event('prerenderingchange'));
    vi.advanceTimersByTime(100);
    expect(tracker.calls).toEqual([['VIEWED', ['/prepared'], { timestamp: NOW + 1_000 }]]);
  });

  it('of a prerendered page that end before it is shown never begin', () => {
    Object.assign(document, { prerendering: true });
    start();
    stop();
    Reflect.deleteProperty(document, 'prerendering');
    document.dispatchEvent(new Event('prerenderingchange'));
    vi.advanceTimersByTime(100);
    expect(tracker.calls).toEqual([]);
  });

  it('take no more of a text than an event may hold', () => {
    start({ context: ({ title }) => [title] });
    document.title = 'x'.repeat(5_000);
    vi.advanceTimersByTime(100);
    expect(contexts()).toEqual([['x'.repeat(4_096)]]);
  });

  it('whose context the site fails to make leave its navigation alone', () => {
    start({
      context: ({ path }) => {
        if (path === '/start') throw new Error('the site’s own');
        return [path];
      },
    });
    expect(() => history.pushState(null, '', '/a')).not.toThrow();
    // It is thrown where it disturbs nothing but is seen.
    expect(() => vi.advanceTimersByTime(0)).toThrow('the site’s own');
    vi.advanceTimersByTime(100);
    expect(contexts()).toEqual([['/a']]);
  });

  describe('where methods of history must be wrapped', () => {
    const current = (): unknown => Reflect.get(history, 'pushState');
    const inherited = current();

    it('take their wrappers off at the end', () => {
      start();
      expect(current()).not.toBe(inherited);
      stop();
      expect(current()).toBe(inherited);
      expect(Object.keys(history)).not.toContain('pushState');
      history.pushState(null, '', '/a');
      vi.advanceTimersByTime(100);
      expect(contexts()).toEqual([['/start']]);
    });

    it('work with the wrappers of others, below and above', () => {
      const seen: string[] = [];
      const wrapBy = (name: string): void => {
        const original = history.pushState.bind(history);
        history.pushState = (...args) => {
          seen.push(name);
          original(...args);
        };
      };
      wrapBy('below');
      const below = current();
      start();
      wrapBy('above');
      history.pushState(null, '', '/a');
      expect(seen).toEqual(['above', 'below']);
      stop();
      history.pushState(null, '', '/b');
      vi.advanceTimersByTime(100);
      expect(seen).toEqual(['above', 'below', 'above', 'below']);
      expect(contexts()).toEqual([['/start'], ['/a']]);
      Reflect.set(history, 'pushState', below);
      trackPageViews(tracker, 'VIEWED')();
      expect(current()).toBe(below);
      Reflect.deleteProperty(history, 'pushState');
    });
  });
});

describe('the context of page views', () => {
  const view = { path: '/p', query: '?q', hash: null, title: 'T', referrer: 'https://r.example/' };

  it.each([
    ['path', ['/p']],
    ['  title hash\n path ', ['T', null, '/p']],
    ['page=path from=referrer', { page: '/p', from: 'https://r.example/' }],
    ['', []],
  ])('is what %j names', (text, context) => {
    expect(parseViewContext(text)(view)).toEqual(context);
  });

  it('has null for a name that there isn’t, which is said when explained', () => {
    const lines = recordConsole();
    const close = openConsole();
    expect(parseViewContext('url title')(view)).toEqual([null, 'T']);
    close();
    vi.restoreAllMocks();
    expect(lines).toEqual([
      'warn waybill: data-page-view-context: url is none of path, query, hash, title, referrer',
    ]);
  });
});
