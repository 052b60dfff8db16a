import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PageExtras, startExtras } from '../../../../client/extras/page-extras.ts';
import type { Collector } from '../../../../client/page/api.ts';
import { replayCall } from '../../../../client/page/replay.ts';
import { STUB } from '../../../../client/page/stub.ts';
import { createMemoryStorage } from '../../../../client/queue/memory-storage.ts';
import type { SentBody } from '../../../support/client-body.ts';
import { FakeClock } from '../../../support/client-clock.ts';
import { createTestCollector } from '../../../support/client-page-collector.ts';
import { NOW } from '../../../support/client-queue.ts';
import { find, recordConsole, show } from '../../../support/extras-page.ts';

const OPTIONS = { customer: 'C', product: 'P' };

describe('the extras’ script', () => {
  let clock: FakeClock;
  let collector: Collector;
  let bodies: SentBody[];
  let extras: PageExtras | undefined;
  beforeEach(() => {
    vi.useFakeTimers({ now: NOW, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    clock = new FakeClock();
    bodies = [];
    const storage = { ...createMemoryStorage(), kind: 'indexeddb' } as const;
    collector = createTestCollector({ clock, storage, bodies });
    show('<button data-waybill-event="PRESSED">x</button>');
  });
  afterEach(async () => {
    extras?.stop();
    vi.useRealTimers();
    vi.restoreAllMocks();
    document.body.replaceChildren();
    Reflect.deleteProperty(window, 'waybill');
    const closing = collector.close();
    await clock.advance(10_000);
    await closing;
  });

  /** What the collector's own script does when it comes. */
  function comeCore(): void {
    const found = window.waybill;
    window.waybill = collector;
    collector.init(OPTIONS);
    if (found && 'q' in found) for (const call of found.q) replayCall(collector, call);
  }

  // The text is what sites paste; it runs here as it would there.
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval, typescript/no-unsafe-call
  const comeStub = (): unknown => new Function(STUB)();

  async function arrived(): Promise<unknown> {
    await collector.flush();
    return bodies.flatMap(({ events }) =>
      events.map(({ type, timestamp }) => [type, Number(timestamp) - NOW]),
    );
  }

  it('tracks with the collector that is there', async () => {
    comeCore();
    extras = startExtras({ pageView: 'VIEWED' });
    find('button').click();
    vi.advanceTimersByTime(100);
    expect(await arrived()).toEqual([
      ['PRESSED', 0],
      ['VIEWED', 0],
    ]);
  });

  it('tracks with the stub until the collector comes', async () => {
    comeStub();
    extras = startExtras({});
    vi.advanceTimersByTime(5);
    find('button').click();
    vi.advanceTimersByTime(5);
    comeCore();
    clock.nowMs += 10;
    find('button').click();
    expect(await arrived()).toEqual([
      ['PRESSED', 5],
      ['PRESSED', 10],
    ]);
  });

  it.each(['the collector', 'its stub'])('keeps what is tracked until %s comes', async (who) => {
    extras = startExtras({});
    vi.advanceTimersByTime(5);
    find('button').click();
    vi.advanceTimersByTime(5);
    if (who === 'its stub') comeStub();
    comeCore();
    expect(await arrived()).toEqual([['PRESSED', 5]]);
  });

  it('finds the collector that takes the place of a stub which can’t be redefined', async () => {
    comeStub();
    const stub = window.waybill;
    let value: unknown = stub;
    Object.defineProperty(window, 'waybill', {
      configurable: true,
      get: () => value,
      set(assigned: unknown) {
        value = assigned;
      },
    });
    const lines = recordConsole();
    extras = startExtras({ debug: '' });
    find('button').click();
    comeCore();
    document.dispatchEvent(new Event('load'));
    expect(lines.join('\n')).toContain('explaining a collector');
    find('button').click();
    expect(await arrived()).toEqual([
      ['PRESSED', 0],
      ['PRESSED', 0],
    ]);
    // The site's own accessor is left alone.
    expect(Object.getOwnPropertyDescriptor(window, 'waybill')?.get?.()).toBe(collector);
    Reflect.set(window, 'waybill', stub);
    expect(value).toBe(stub);
  });

  it('finds that collector when it tracks, if nothing has told of its script', () => {
    comeStub();
    const stub = window.waybill;
    Object.defineProperty(window, 'waybill', { configurable: true, get: () => stub });
    const lines = recordConsole();
    extras = startExtras({ debug: '' });
    Object.defineProperty(window, 'waybill', { configurable: true, writable: true, value: collector });
    find('button').click();
    expect(lines.join('\n')).toContain('#1 track() PRESSED');
  });

  it('explains what was called on the stub, from the set-up on', () => {
    const lines = recordConsole();
    comeStub();
    extras = startExtras({ debug: '' });
    find('button').click();
    comeCore();
    expect(lines).toEqual([
      'log waybill: the collector’s script has not come yet; what is tracked until then is kept',
      'log waybill: click on <button> tracks PRESSED',
      'log waybill: explaining a collector',
      'log waybill: init() {"customer":"C","product":"P"}',
      `log waybill: #1 track() PRESSED undefined {"timestamp":${NOW}}`,
    ]);
  });

  it('explains nothing unless it is asked to, by the tag or later', () => {
    const lines = recordConsole();
    comeCore();
    extras = startExtras({ debug: 'false' });
    find('button').click();
    expect(lines).toEqual([]);
    extras.explain();
    find('button').click();
    expect(lines.join('\n')).toContain('#1 track() PRESSED');
  });

  it('leaves the page as it was when it is stopped', () => {
    const before = Object.getOwnPropertyDescriptor(window, 'waybill');
    recordConsole();
    startExtras({ pageView: 'VIEWED', debug: '' }).stop();
    expect(Object.getOwnPropertyDescriptor(window, 'waybill')).toEqual(before);
    comeStub();
    startExtras({}).stop();
    expect(Object.getOwnPropertyDescriptor(window, 'waybill')).toMatchObject({ writable: true });
    comeCore();
    const track: unknown = Reflect.get(collector, 'track');
    startExtras({ debug: '' }).stop();
    expect(Reflect.get(collector, 'track')).toBe(track);
    find('button').click();
    expect(bodies).toEqual([]);
  });
});
