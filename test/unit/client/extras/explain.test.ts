import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { explain } from '../../../../client/extras/explain.ts';
import type { Collector } from '../../../../client/page/api.ts';
import { createMemoryStorage } from '../../../../client/queue/memory-storage.ts';
import { FakeClock, settle } from '../../../support/client-clock.ts';
import { createTestCollector } from '../../../support/client-page-collector.ts';
import { recordConsole } from '../../../support/extras-page.ts';

const OPTIONS = { customer: 'C', product: 'P' };

describe('explain', () => {
  let clock: FakeClock;
  let collector: Collector;
  let lines: readonly string[];
  let stop: () => void;
  beforeEach(() => {
    clock = new FakeClock();
    lines = recordConsole();
    const storage = { ...createMemoryStorage(), kind: 'indexeddb' } as const;
    collector = createTestCollector({ clock, storage, bodies: [] });
    stop = () => undefined;
  });
  afterEach(async () => {
    stop();
    vi.restoreAllMocks();
    const closing = collector.close();
    await clock.advance(10_000);
    await closing;
  });

  /** What was said about the events, with the numbers that differ from run to run left out. */
  const said = (about: string): string[] =>
    lines
      .filter((line) => line.includes(about))
      .map((line) => line.replace(/[\da-f]{8}-[\da-f-]+/, 'ID').replace(/\d+ ms/, 'N ms'));

  it('says how the collector was set up and what becomes of an event', async () => {
    stop = explain(collector);
    collector.init(OPTIONS);
    collector.track('A', ['u']);
    await clock.advance(2_000);
    await settle();
    expect(said('init')).toEqual(['log waybill: init() {"customer":"C","product":"P"}']);
    expect(said('#1')).toEqual([
      'log waybill: #1 track() A ["u"]',
      'log waybill: #1 stored on this device, after N ms',
      'log waybill: #1 delivered as event 0 of batch ID, after N ms',
    ]);
    // Listeners are called in tasks of their own.
    await vi.waitFor(async () => {
      await clock.advance(1_000);
      expect(said('delivered, events: 1')).toHaveLength(1);
      expect(said('last answer 200 (delivered)')).toHaveLength(1);
    });
    expect(said('storage indexeddb')).toHaveLength(1);
  });

  it('says how a collector fares that has been at work before', async () => {
    collector.init(OPTIONS);
    collector.track('A');
    await collector.flush();
    stop = explain(collector);
    await vi.waitFor(() =>
      expect(said('status: ')).toEqual([
        expect.stringMatching(
          /0 waiting, .*; last answer 200 \(delivered\) .*; consent granted; nothing lost$/,
        ),
      ]),
    );
  });

  it('says what is wrong with an event, and what helps', async () => {
    stop = explain(collector);
    collector.init(OPTIONS);
    collector.track('A', { user: 'u' });
    await settle();
    expect(said('#1')).toEqual([
      'log waybill: #1 track() A {"user":"u"}',
      'warn waybill: #1 rejected: REQUEST_PARAMETER_MALFORMED at context' +
        ' (an object needs its type in contextKeys, and no key that is not there), after N ms',
    ]);
  });

  it('says what was discarded and why', async () => {
    stop = explain(collector);
    collector.init({ ...OPTIONS, beforeSend: () => null });
    collector.track('A');
    await settle();
    await collector.optOut();
    collector.track('B');
    await settle();
    expect(said('discarded')).toEqual([
      'log waybill: #1 discarded: beforeSend returned null, after N ms',
      'log waybill: #2 discarded: the user has opted out, after N ms',
    ]);
    expect(said('optOut()')).toHaveLength(1);
  });

  it('changes nothing about the calls and looks into no value', async () => {
    collector.init(OPTIONS);
    const track: unknown = Reflect.get(collector, 'track');
    stop = explain(collector);
    const hostile = {
      get user(): string {
        throw new Error('looked at');
      },
    };
    vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const tracked = collector.track('A', hostile);
    expect(Object.keys(tracked).toSorted()).toEqual(['delivered', 'stored']);
    expect(await tracked.stored).toMatchObject({ status: 'rejected' });
    vi.spyOn(console, 'log').mockImplementation(() => {
      throw new Error('a broken console');
    });
    expect(await collector.track('B').stored).toMatchObject({ status: 'stored' });
    stop();
    expect(Reflect.get(collector, 'track')).toBe(track);
  });

  it('says each line once when it is asked twice, and nothing after its end', async () => {
    stop = explain(collector);
    explain(collector)();
    collector.track('A');
    expect(said('#1 track()')).toHaveLength(1);
    stop();
    const count = lines.length;
    collector.init(OPTIONS);
    collector.track('B');
    await clock.advance(2_000);
    await settle();
    expect(lines).toHaveLength(count);
  });
});
