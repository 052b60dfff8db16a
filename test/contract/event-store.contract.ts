import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EventStore, Refusal, Rejection } from '../../server/store/event-store.ts';
import { aBatch, anEvent, FILTER, readAll } from '../support/events.ts';
import { readEvents } from '../support/read-rows.ts';

export interface StoreUnderTest {
  readonly store: EventStore;
  /** Closes the store and opens it again on the same data. */
  readonly reopen: () => Promise<EventStore>;
}

export interface StoreAbilities {
  /**
   * Whether a half of a stored batch is refused if its events are not those of the whole. Without, only its
   * range is compared: of one that lies nothing is stored, but it is told otherwise.
   */
  readonly comparesHalves: boolean;
}

/** What every engine promises; `create` makes a new empty store. */
export function runEventStoreContract(
  name: string,
  create: () => Promise<StoreUnderTest>,
  { comparesHalves }: StoreAbilities,
): void {
  describe(`${name} as an event store`, () => {
    it('reads back what was appended, with batch and sequence', async () => {
      const { store } = await create();
      const events = [anEvent({ version: '1.2' }), anEvent({ context: ['a', null, ''], version: null })];
      const { identity, contents } = aBatch(events);

      const outcome = await store.append(identity, () => contents);

      expect(outcome).toEqual({ kind: 'stored', isNew: true, rejected: [] });
      expect(await readAll(store)).toEqual(
        events.map((event, sequence) => ({ ...event, batch: identity.batch, sequence, position: 1 })),
      );
    });

    it('stores a batch once, also when it comes again after a restart', async () => {
      const { store, reopen } = await create();
      const { identity, contents } = aBatch();
      await store.append(identity, () => contents);

      const again = await store.append(identity, () => {
        throw new Error('a known batch is not composed again');
      });
      const reopened = await reopen();
      const later = await reopened.append(identity, () => {
        throw new Error('a known batch is not composed again');
      });

      expect(again).toEqual({ kind: 'stored', isNew: false, rejected: [] });
      expect(later).toEqual(again);
      expect(await readAll(reopened)).toHaveLength(1);
    });

    it('refuses other events under a known id, also after a restart', async () => {
      const { store, reopen } = await create();
      const { identity, contents } = aBatch();
      await store.append(identity, () => contents);
      const other = aBatch([anEvent({ type: 'PORTFOLIO-CREATED' })], { identity: { batch: identity.batch } });

      expect(await store.append(other.identity, () => other.contents)).toEqual({ kind: 'conflict' });
      const reopened = await reopen();
      expect(await reopened.append(other.identity, () => other.contents)).toEqual({ kind: 'conflict' });
      expect(await readAll(reopened)).toHaveLength(1);
    });

    it('lets one of twenty simultaneous appends of an id store, and answers all the same', async () => {
      const { store } = await create();
      const { identity, contents } = aBatch();
      let composed = 0;

      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () =>
          store.append(identity, () => {
            composed++;
            return contents;
          }),
        ),
      );

      expect(composed).toBe(1);
      expect(outcomes.map(({ kind }) => kind)).toEqual(Array(20).fill('stored'));
      expect(outcomes.filter((outcome) => outcome.kind === 'stored' && outcome.isNew)).toHaveLength(1);
      expect(await readAll(store)).toHaveLength(1);
    });

    it('stores nothing if composing throws, and takes the batch afterwards', async () => {
      const { store } = await create();
      const { identity, contents } = aBatch();

      await expect(
        store.append(identity, () => {
          throw new Error('refused');
        }),
      ).rejects.toThrow('refused');

      expect(await readAll(store)).toEqual([]);
      expect(await store.append(identity, () => contents)).toMatchObject({ isNew: true });
    });

    it('keeps rejections and leaves their numbers free', async () => {
      const { store, reopen } = await create();
      const rejected = [
        { sequence: 1, code: 'REQUEST_PARAMETER_MISSING', path: 'type', event: { customer: 'X' } },
      ] as const;
      const { identity, contents } = aBatch([anEvent(), anEvent()], { contents: { rejected } });
      await store.append(identity, () => contents);

      const reopened = await reopen();

      expect((await readAll(reopened)).map(({ sequence }) => sequence)).toEqual([0, 2]);
      expect(await reopened.append(identity, () => contents)).toEqual({
        kind: 'stored',
        isNew: false,
        rejected: refusals(rejected),
      });
    });

    it('keeps a line for a batch whose events were all rejected', async () => {
      const { store, reopen } = await create();
      const rejected = [{ sequence: 0, code: 'EVENT_TOO_LARGE', path: '', event: {} }] as const;
      const { identity, contents } = aBatch([], { contents: { rejected } });
      await store.append(identity, () => contents);

      const again = await (await reopen()).append(identity, () => contents);

      expect(again).toEqual({ kind: 'stored', isNew: false, rejected: refusals(rejected) });
    });

    it('never stores a batch of which a half is stored', async () => {
      const { store, reopen } = await create();
      const root = randomUUID();
      const half = aBatch([anEvent()], { identity: { parents: [root], offset: 1 } });
      await store.append(half.identity, () => half.contents);
      const whole = aBatch([anEvent(), anEvent()], { identity: { batch: root } });

      expect(await store.append(whole.identity, () => whole.contents)).toEqual({ kind: 'split' });
      const reopened = await reopen();
      expect(await reopened.append(whole.identity, () => whole.contents)).toEqual({ kind: 'split' });
      expect(await readAll(reopened)).toHaveLength(1);
    });

    it('never stores a batch while a half of it is being stored', async () => {
      const { store } = await create();
      const root = randomUUID();
      const half = aBatch([anEvent()], { identity: { parents: [root], offset: 0 } });
      const whole = aBatch([anEvent(), anEvent()], { identity: { batch: root } });

      const [first, second] = await Promise.all([
        store.append(half.identity, () => half.contents),
        store.append(whole.identity, () => whole.contents),
      ]);

      expect(first).toMatchObject({ kind: 'stored' });
      expect(second).toEqual({ kind: 'split' });
      expect(await readAll(store)).toHaveLength(1);
    });

    it('stores both halves of a batch that was never stored', async () => {
      const { store } = await create();
      const root = randomUUID();
      const halves = [0, 1].map((offset) => aBatch([anEvent()], { identity: { parents: [root], offset } }));

      await Promise.all(halves.map(({ identity, contents }) => store.append(identity, () => contents)));

      expect(await readAll(store)).toHaveLength(2);
    });

    it('answers a half of a stored batch with what became of its part, and stores nothing', async () => {
      const { store } = await create();
      const rejected = [{ sequence: 3, code: 'EVENT_TOO_LARGE', path: '', event: {} }] as const;
      const whole = aBatch([anEvent(), anEvent(), anEvent()], { contents: { rejected } });
      await store.append(whole.identity, () => whole.contents);
      const parents = [whole.identity.batch];
      const half = aBatch([anEvent(), anEvent()], { identity: { parents, offset: 2 } });

      const outcome = await store.append(half.identity, () => half.contents);

      expect(outcome).toEqual({
        kind: 'stored',
        isNew: false,
        rejected: [{ ...refusals(rejected)[0], sequence: 1 }],
      });
      expect(await readAll(store)).toHaveLength(3);
    });

    it('answers a half that lies outside the stored batch with a conflict', async () => {
      const { store } = await create();
      const whole = aBatch([anEvent(), anEvent()]);
      await store.append(whole.identity, () => whole.contents);
      const parents = [whole.identity.batch];
      const half = aBatch([anEvent(), anEvent()], { identity: { parents, offset: 1 } });

      expect(await store.append(half.identity, () => half.contents)).toEqual({ kind: 'conflict' });
    });

    it.each([
      ['other events', { timestamp: 99 }, undefined],
      ['another root', {}, randomUUID()],
    ])('answers a half of a stored batch with %s with a conflict', async (_title, change, root) => {
      const { store } = await create();
      const whole = aBatch([anEvent({ timestamp: 1 }), anEvent({ timestamp: 2 })]);
      await store.append(whole.identity, () => whole.contents);
      const parents = [...(root === undefined ? [] : [root]), whole.identity.batch];
      const half = aBatch([anEvent({ timestamp: 2, ...change })], { identity: { parents, offset: 1 } });

      const isSeen = comparesHalves || root !== undefined;
      expect(await store.append(half.identity, () => half.contents)).toEqual(
        isSeen ? { kind: 'conflict' } : { kind: 'stored', isNew: false, rejected: [] },
      );
      expect(await readAll(store)).toHaveLength(2);
    });

    it('counts the offset of a quarter from the root when its half is what was stored', async () => {
      const { store } = await create();
      const root = randomUUID();
      const rejected = [{ sequence: 3, code: 'EVENT_TOO_LARGE', path: '', event: {} }] as const;
      const half = aBatch([anEvent(), anEvent(), anEvent()], {
        identity: { parents: [root], offset: 4 },
        contents: { rejected },
      });
      await store.append(half.identity, () => half.contents);
      const parents = [root, half.identity.batch];
      const quarter = aBatch([anEvent(), anEvent()], { identity: { parents, offset: 6 } });

      expect(await store.append(quarter.identity, () => quarter.contents)).toEqual({
        kind: 'stored',
        isNew: false,
        rejected: [{ ...refusals(rejected)[0], sequence: 1 }],
      });
    });

    it('keeps a snapshot as it was while more is appended', async () => {
      const { store } = await create();
      const first = aBatch();
      await store.append(first.identity, () => first.contents);
      const snapshot = store.snapshot();
      const second = aBatch();
      await store.append(second.identity, () => second.contents);

      expect(snapshot.position).toBe(1);
      expect(store.snapshot().position).toBe(2);
      const { events } = await readEvents(snapshot, FILTER);
      expect(events.map(({ batch }) => batch)).toEqual([first.identity.batch]);
    });

    it('reads nothing above the position of a snapshot', async () => {
      const { store } = await create();
      for (const timestamp of [1, 2, 3]) {
        const { identity, contents } = aBatch([anEvent({ timestamp })]);
        await store.append(identity, () => contents);
      }

      const { events } = await readEvents({ ...store.snapshot(), position: 2 }, FILTER);

      expect(events.map(({ timestamp }) => timestamp)).toEqual([1, 2]);
    });

    it('gives events in the order of time, batch and sequence, whenever they came', async () => {
      const { store, reopen } = await create();
      const ids = ['c', 'a', 'b', 'd'].map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`);
      const times = [
        [30, 10, 20, 10],
        [20, 20, 5],
        [20, 40_000 * 86_400_000],
        [1, 30, 20],
      ];
      for (const [at, timestamps] of times.entries()) {
        const events = timestamps.map((timestamp) => anEvent({ timestamp }));
        const { identity, contents } = aBatch(events, { identity: { batch: ids[at] ?? '' } });
        await store.append(identity, () => contents);
      }

      const found = await readAll(await reopen());

      const last = `${40_000 * 86_400_000} b1`;
      expect(found.map(({ timestamp, batch, sequence }) => `${timestamp} ${batch[0]}${sequence}`)).toEqual(
        `1 d0,5 a2,10 c1,10 c3,20 a0,20 a1,20 b0,20 c2,20 d2,30 c0,30 d1,${last}`.split(','),
      );
    });

    it('filters by customer, product, types and an inclusive range of time', async () => {
      const { store } = await create();
      const times = [9, 10, 20, 21];
      const { identity, contents } = aBatch([
        ...times.map((timestamp) => anEvent({ timestamp })),
        anEvent({ customer: 'TGAM', timestamp: 15 }),
        anEvent({ product: 'ALERT', timestamp: 15 }),
        anEvent({ type: 'PORTFOLIO-CREATED', timestamp: 15 }),
      ]);
      await store.append(identity, () => contents);

      const inRange = await readAll(store, { ...FILTER, start: 10, end: 20 });
      const ofType = await readAll(store, { ...FILTER, types: ['PORTFOLIO-CREATED', 'NONE'] });

      expect(inRange.map(({ timestamp }) => timestamp).toSorted((a, b) => a - b)).toEqual([10, 15, 20]);
      expect(ofType.map(({ type }) => type)).toEqual(['PORTFOLIO-CREATED']);
    });

    it('keeps any text as it was', async () => {
      const { store, reopen } = await create();
      const context = ['pi|pe', 'quo"te', 'new\nline\r', '\u2028 😀 \0', '\\', '", "events":['];
      const { identity, contents } = aBatch([anEvent({ context })]);
      await store.append(identity, () => contents);

      const [event] = await readAll(await reopen());

      expect(event?.context).toEqual(context);
    });

    it('gives positions that rise across restarts', async () => {
      const { store, reopen } = await create();
      const first = aBatch();
      await store.append(first.identity, () => first.contents);
      const reopened = await reopen();
      const second = aBatch();
      await reopened.append(second.identity, () => second.contents);

      const positions = (await readAll(reopened)).map(({ position }) => position);
      expect(positions.toSorted((a, b) => a - b)).toEqual([1, 2]);
    });

    it('adds up what newly stored batches say is lost and what was refused, also after a restart', async () => {
      const { store, reopen } = await create();
      const none = { dropped: 0, expired: 0, rejected: 0, unconfirmed: 0 };
      expect(await store.totals()).toEqual({ ledger: none, rejected: 0 });
      const rejected = [
        { sequence: 0, code: 'EVENT_TOO_LARGE', path: '', event: { type: '],"rejected":[' } },
        { sequence: 2, code: 'EVENT_TOO_LARGE', path: '', event: {} },
      ] as const;
      const ledger = { dropped: 1, expired: 20, rejected: 300, unconfirmed: 4_000 };
      const first = aBatch([anEvent({ context: ['],"rejected":[{}]', ',"events":['] })], {
        contents: { rejected, ledger },
      });
      const second = aBatch([anEvent()], { contents: { ledger: { ...none, dropped: 5 } } });
      const third = aBatch();
      for (const { identity, contents } of [first, second, third])
        await store.append(identity, () => contents);

      const sums = { ledger: { ...ledger, dropped: 6 }, rejected: 2 };
      expect(await store.totals()).toEqual(sums);
      expect(await (await reopen()).totals()).toEqual(sums);
    });

    it('adds nothing for a batch that comes again, is refused, or is part of a stored one', async () => {
      const { store, reopen } = await create();
      const ledger = { dropped: 1, expired: 2, rejected: 3, unconfirmed: 4 };
      const whole = aBatch([anEvent(), anEvent()], { contents: { ledger } });
      const { batch } = whole.identity;
      const half = aBatch([anEvent()], { identity: { parents: [batch] }, contents: { ledger } });
      const other = aBatch([anEvent({ timestamp: 9 })], { identity: { batch }, contents: { ledger } });
      await Promise.all([1, 2, 3].map(() => store.append(whole.identity, () => whole.contents)));
      await store.append(half.identity, () => half.contents);
      await store.append(other.identity, () => other.contents);
      await expect(
        store.append(aBatch().identity, () => {
          throw new Error('refused');
        }),
      ).rejects.toThrow('refused');

      expect((await store.totals()).ledger).toEqual(ledger);
      const reopened = await reopen();
      await reopened.append(whole.identity, () => whole.contents);
      expect((await reopened.totals()).ledger).toEqual(ledger);
    });

    it('keeps its sums exact however much senders claim', async () => {
      const { store, reopen } = await create();
      const most = Number.MAX_SAFE_INTEGER;
      const ledger = { dropped: most, expired: most - 1, rejected: 1, unconfirmed: 0 };
      for (const { identity, contents } of [
        aBatch([], { contents: { ledger } }),
        aBatch([], { contents: { ledger } }),
      ])
        await store.append(identity, () => contents);

      const sums = { dropped: most, expired: most, rejected: 2, unconfirmed: 0 };
      expect((await store.totals()).ledger).toEqual(sums);
      expect((await (await reopen()).totals()).ledger).toEqual(sums);
    });
  });
}

/** What an answer says of refused events. */
function refusals(rejected: readonly Rejection[]): readonly Refusal[] {
  return rejected.map(({ sequence, code, path }) => ({ sequence, code, path }));
}
