import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Collector, CollectorOptions } from '../../../client/page/api.ts';
import { createMemoryStorage } from '../../../client/queue/memory-storage.ts';
import type { SentBody } from '../../support/client-body.ts';
import { FakeClock } from '../../support/client-clock.ts';
import { createTestCollector } from '../../support/client-page-collector.ts';
import { NOW } from '../../support/client-queue.ts';

describe('beforeSend', () => {
  let bodies: SentBody[];
  let collector: Collector;
  beforeEach(() => {
    bodies = [];
    collector = createTestCollector({ clock: new FakeClock(), bodies, storage: createMemoryStorage() });
  });
  afterEach(() => collector.close());

  function init(beforeSend: CollectorOptions['beforeSend']): void {
    collector.init({ customer: 'C', product: 'P', version: '1.0', beforeSend });
  }

  it('sees the whole event, in track itself, and what it returns is stored', async () => {
    const seen: unknown[] = [];
    init((event) => {
      seen.push({ ...event });
      return { ...event, context: event.context.map((item) => item && item.replace(/@.*/, '@…')) };
    });
    const context = ['ann@example.org', null];
    collector.track('A', context);
    const event = { customer: 'C', product: 'P', type: 'A', timestamp: NOW, context, version: '1.0' };
    expect(seen).toEqual([event]);
    await collector.flush();
    expect(bodies.flatMap((body) => body.events)).toEqual([{ ...event, context: ['ann@…', null] }]);
    expect(context[0]).toBe('ann@example.org');
  });

  it('may change the copy that it was given', async () => {
    init((event) => Object.assign(event, { type: 'B' }));
    collector.track('A');
    await collector.flush();
    expect(bodies.flatMap((body) => body.events)).toMatchObject([{ type: 'B' }]);
  });

  it('drops an event with null, which is no loss', async () => {
    init((event) => (event.type === 'A' ? null : event));
    const tracked = collector.track('A');
    const discarded = { status: 'discarded', reason: 'before-send' };
    expect([await tracked.stored, await tracked.delivered]).toEqual([discarded, discarded]);
    collector.track('B');
    await collector.flush();
    expect(bodies.flatMap((body) => body.events)).toMatchObject([{ type: 'B' }]);
    expect((await collector.status()).losses).toEqual({});
  });

  it.each([
    {
      what: 'throws',
      hook: () => {
        throw new Error('a mistake in the hook');
      },
    },
    { what: 'forgets to return', hook: () => undefined },
  ])('that $what has the event rejected and counted, never stored unaltered', async ({ hook }) => {
    init(hook);
    const tracked = collector.track('A', ['secret']);
    const problem = { code: 'BEFORE_SEND_FAILED', path: '' };
    expect(await tracked.stored).toEqual({ status: 'rejected', problems: [problem] });
    expect(await tracked.delivered).toMatchObject({ status: 'rejected', ...problem });
    await collector.flush();
    expect(bodies).toEqual([]);
    expect((await collector.status()).losses).toEqual({ 'rejected:BEFORE_SEND_FAILED': 1 });
  });

  it('is judged by what it returns like any other event', async () => {
    init((event) => ({ ...event, type: '' }));
    expect(await collector.track('A').stored).toMatchObject({
      status: 'rejected',
      problems: [{ path: 'type' }],
    });
    expect((await collector.status()).losses).toEqual({ 'rejected:REQUEST_PARAMETER_MISSING': 1 });
  });

  it('sees what was tracked before init, too', async () => {
    const tracked = [collector.track('A'), collector.track('B')];
    init((event) => (event.type === 'A' ? null : event));
    expect(await tracked[0]?.stored).toMatchObject({ status: 'discarded' });
    expect(await tracked[1]?.stored).toMatchObject({ status: 'stored' });
  });
});
